import { isTensor } from './is-tensor.ts'
import type { Tensor } from './tensor.ts'

/** Every tensor in a value: a tensor, an encoded tensor, or arrays, maps and plain objects of them. */
export function tensorsOf(value: unknown): readonly Tensor[] {
  const found: Tensor[] = []
  collect(value, found)
  return found
}

function collect(value: unknown, found: Tensor[]): void {
  if (isTensor(value)) found.push(value)
  else if (Array.isArray(value) || value instanceof Map)
    for (const item of value.values()) collect(item, found)
  else if (value && Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) collect(item, found)
}
