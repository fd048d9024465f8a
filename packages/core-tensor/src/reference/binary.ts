import { kernel } from '../device/kernel.ts'
import type { BinaryOp, Out } from '../device/kernels.ts'
import { DTypeError, ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { stridesOf } from '../tensor/dims.ts'
import { isFloat } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floatType, output } from './output.ts'
import { requireOneOf } from './required.ts'

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
  requireOneOf('binary', 'an operation', op, Object.keys(operations))
  if (!isFloat(a.type) || !isFloat(b.type)) {
    throw new DTypeError(`[binary] expected floats, got ${a.type} and ${b.type}; cast them first`)
  }
  const rank = Math.max(a.dims.length, b.dims.length)
  const aDims = padded(a.dims, rank)
  const bDims = padded(b.dims, rank)
  const dims = aDims.map((x, i) => {
    const y = bDims[i]!
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(`[binary] expected shapes that broadcast, got [${a.dims}] and [${b.dims}]`)
    return x === 1 ? y : x
  })
  const { values, done } = output('binary', a.device, floatType(a, b), dims, options)
  const apply = operations[op]
  const left = numbersOf(a)
  const right = numbersOf(b)
  if (a.size === values.length && b.size === values.length) {
    for (let i = 0; i < values.length; i++) values[i] = apply(left[i]!, right[i]!)
    return done()
  }
  const aSteps = stridesOf(aDims)
  const bSteps = stridesOf(bDims)
  const index = new Array<number>(rank).fill(0)
  let i = 0
  let j = 0
  for (let at = 0; at < values.length; at++) {
    values[at] = apply(left[i]!, right[j]!)
    for (let axis = rank - 1; axis >= 0; axis--) {
      i += aSteps[axis]!
      j += bSteps[axis]!
      if (++index[axis]! < dims[axis]!) break
      i -= aSteps[axis]! * dims[axis]!
      j -= bSteps[axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  return done()
}

/** Dimensions with ones before them. */
function padded(dims: readonly number[], rank: number): number[] {
  return [...new Array<number>(rank - dims.length).fill(1), ...dims]
}
