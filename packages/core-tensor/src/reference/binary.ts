import { numbersOf } from '../convert.ts'
import { isFloat } from '../dtype.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { type BinaryOp, kernel, type Out } from '../kernels.ts'
import type { Tensor } from '../tensor.ts'
import { floatType, output } from './output.ts'

const operations: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: Math.max,
}

/**
 * a ∘ b element by element, with NumPy's broadcasting: dimensions align at the end, and 1 repeats.
 * Exact: one rounding to the result's dtype.
 *
 * @returns float32, or float64 where an operand is
 * @throws {ShapeError} when the shapes do not broadcast
 * @throws {DTypeError} for integers
 * @example
 * const column = new Tensor('float32', [1, 2], [2, 1])
 * const row = new Tensor('float32', [10, 20, 30], [3])
 * binary('add', column, row).data // => Float32Array [11, 21, 31, 12, 22, 32]
 */
export const binary = /* @__PURE__ */ kernel('binary', binaryReference)

function binaryReference(op: BinaryOp, a: Tensor, b: Tensor, options: Out = {}): Tensor {
  if (!isFloat(a.type) || !isFloat(b.type)) {
    throw new DTypeError(`[binary] expected floats, got ${a.type} and ${b.type}; cast them first`)
  }
  const dims = broadcast(a.dims, b.dims)
  const { values, done } = output('binary', a.device, floatType(a, b), dims, options)
  const apply = operations[op]
  const left = numbersOf(a)
  const right = numbersOf(b)
  if (a.size === values.length && b.size === values.length) {
    for (let i = 0; i < values.length; i++) values[i] = apply(left[i]!, right[i]!)
    return done()
  }
  const steps = [broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims)] as const
  const index = new Array<number>(dims.length).fill(0)
  let i = 0
  let j = 0
  for (let at = 0; at < values.length; at++) {
    values[at] = apply(left[i]!, right[j]!)
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      i += steps[0][axis]!
      j += steps[1][axis]!
      if (++index[axis]! < dims[axis]!) break
      i -= steps[0][axis]! * dims[axis]!
      j -= steps[1][axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  return done()
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i + a.length - rank] ?? 1
    const y = b[i + b.length - rank] ?? 1
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(`[binary] expected shapes that broadcast, got [${a}] and [${b}]`)
    return x === 1 ? y : x
  })
}

function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const strides = new Array<number>(to.length).fill(0)
  let stride = 1
  for (let i = 1; i <= dims.length; i++) {
    const dim = dims[dims.length - i]!
    strides[to.length - i] = dim === 1 ? 0 : stride
    stride *= dim
  }
  return strides
}
