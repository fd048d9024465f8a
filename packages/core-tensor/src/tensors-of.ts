import { Tensor } from './tensor.ts'

/** Every tensor in a value: a tensor, an encoded tensor, or arrays, maps and plain objects of them. */
export function* tensorsOf(value: unknown): Generator<Tensor> {
  if (value instanceof Tensor) yield value
  else if (Array.isArray(value) || value instanceof Map) {
    for (const item of value.values()) yield* tensorsOf(item)
  } else if (isPlainObject(value)) {
    for (const item of Object.values(value)) yield* tensorsOf(item)
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
