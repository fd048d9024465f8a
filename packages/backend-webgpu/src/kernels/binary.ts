import { type BinaryOp, type CoreKernels, DTypeError, isFloat, ShapeError } from '@tersor/core-tensor'
import { requireOneOf, stridesOf } from '@tersor/core-tensor/host'
import { elementwise } from '../elementwise.ts'
import { output } from '../output.ts'
import { listed, unravel } from '../wgsl/lists.ts'

const operations: Record<BinaryOp, string> = {
  add: 'a(i) + b(j)',
  sub: 'a(i) - b(j)',
  mul: 'a(i) * b(j)',
  div: 'a(i) / b(j)',
  max: 'max(a(i), b(j))',
}

/** Element by element; operands that repeat are found by their strides. */
export const binary: CoreKernels['binary'] = (op, a, b, options = {}) => {
  requireOneOf('binary', 'an operation', op, Object.keys(operations))
  if (!isFloat(a.type) || !isFloat(b.type)) {
    throw new DTypeError(`[binary] expected floats, got ${a.type} and ${b.type}; cast them first`)
  }
  const rank = Math.max(a.dims.length, b.dims.length)
  const [left, right] = [padded(a.dims, rank), padded(b.dims, rank)]
  const dims = left.map((x, i) => {
    const y = right[i]!
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(`[binary] expected shapes that broadcast, got [${a.dims}] and [${b.dims}]`)
    return x === 1 ? y : x
  })
  return output('binary', 'float32', a, dims, options, (y, accumulate) => {
    const alike = a.size === y.size && b.size === y.size
    elementwise(y, {
      name: 'binary',
      variant: `${op},${alike ? '' : rank}`,
      inputs: { a, b },
      params: alike
        ? {}
        : {
            dims: listed(dims, 'binary'),
            aStrides: stridesOf(left),
            bStrides: stridesOf(right),
          },
      scalar: 'f32',
      accumulate,
      element: () => `fn element(at: u32) -> f32 {
  ${alike ? 'let i = at; let j = at;' : `var rest = at;\n  ${unravel(rank, 'dims', { i: 'aStrides', j: 'bStrides' })}`}
  return ${operations[op]};
}`,
    })
  })
}

/** Dimensions with ones before them. */
function padded(dims: readonly number[], rank: number): number[] {
  return [...new Array<number>(rank - dims.length).fill(1), ...dims]
}
