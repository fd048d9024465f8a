import { DTypeError } from '../errors.ts'
import { isTensor } from './is-tensor.ts'
import type { TensorLike } from './tensor.ts'

/** Throws a {@link DTypeError} unless something is a tensor, of this or of another library. */
export function requireTensorLike(x: unknown, where: string): asserts x is TensorLike {
  if (isTensor(x)) return
  const { dims, data, encoding } = Object(x) as Partial<TensorLike & { encoding: unknown }>
  if (Array.isArray(dims) && ArrayBuffer.isView(data)) return
  const remedy =
    encoding === undefined ? 'make one with `new Tensor(type, data, dims)`' : '`decode` or `transfer` it'
  throw new DTypeError(`[${where}] expected a tensor, got ${described(x)}; ${remedy}`)
}

/** What something is, for error messages. */
export function described(x: unknown): string {
  const { type, dims, encoding } = Object(x) as {
    type?: string
    dims?: unknown
    encoding?: { kind?: string }
  }
  if (encoding) return `an encoding of kind ${encoding.kind}`
  if (dims) return `a ${type} tensor [${dims}]`
  if (Array.isArray(x)) return `an array of ${x.length}`
  return typeof x === 'object' && x ? `an object of ${Object.keys(x).join(', ')}` : `${x}`
}
