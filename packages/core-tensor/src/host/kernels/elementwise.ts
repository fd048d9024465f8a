import type { DeviceKernels } from '../../device/kernels.ts'
import { sameDims } from '../../tensor/dims.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { output, overlaps, room } from '../output.ts'
import { binaryOps, floatCodes, type Primitives, unaryOps } from '../primitives.ts'

/** `cast` between float types, `unary` and `binary`. */
export function elementwise(primitives: Primitives): DeviceKernels {
  return {
    cast(x, type, { out } = {}) {
      const from = floatCodes[x.type as keyof typeof floatCodes]
      const to = floatCodes[type as keyof typeof floatCodes]
      if (from === undefined || to === undefined || from === to) return undefined
      if (out !== undefined && (out.type !== type || !sameDims(out.dims, x.dims) || overlaps(out, x)))
        return undefined
      const y = out ?? room(x.device, type, x.dims)
      primitives.run('convert', [y], [x], [x.size, from, to])
      return y
    },

    unary(op, x, options = {}) {
      const index = unaryOps.indexOf(op)
      if (x.type !== 'float32' || index < 0) return undefined
      const result = output(x.device, x.dims, options, [x], { aliasing: 'inPlace' })
      if (result === undefined) return undefined
      primitives.run('unary', [result.y], [x], [index, x.size])
      return result.done()
    },

    binary(op, a, b, options = {}) {
      const shape = a.type === 'float32' && b.type === 'float32' ? broadcastRows(a, b) : undefined
      const index = binaryOps.indexOf(op)
      if (shape === undefined || index < 0) return undefined
      const { dims, outer, inner, left, right } = shape
      // An operand that repeats is read again after the result was written over it.
      const whole = a.size === outer * inner && b.size === outer * inner
      const result = output(a.device, dims, options, [a, b], { aliasing: whole ? 'inPlace' : 'apart' })
      if (result === undefined) return undefined
      primitives.run('binary', [result.y], [a, b], [index, outer, inner, ...left, ...right])
      return result.done()
    },
  }
}

interface Rows {
  dims: readonly number[]
  outer: number
  inner: number
  left: readonly [outer: number, inner: number]
  right: readonly [outer: number, inner: number]
}

/**
 * Two operands as rows of one shape: equal dims, a scalar, a row for all rows, or a number a row.
 *
 * @returns undefined for any other broadcasting
 */
function broadcastRows(a: Tensor, b: Tensor): Rows | undefined {
  if (sameDims(a.dims, b.dims)) {
    return { dims: a.dims, outer: 1, inner: a.size, left: [0, 1], right: [0, 1] }
  }
  if (b.dims.length <= a.dims.length) {
    const strides = stridesWithin(b.dims, a.dims)
    return strides && { dims: a.dims, ...strides.shape, left: [strides.shape.inner, 1], right: strides.steps }
  }
  const strides = stridesWithin(a.dims, b.dims)
  return strides && { dims: b.dims, ...strides.shape, left: strides.steps, right: [strides.shape.inner, 1] }
}

/** How a smaller operand repeats over a larger one. */
function stridesWithin(
  small: readonly number[],
  large: readonly number[],
): { shape: { outer: number; inner: number }; steps: readonly [number, number] } | undefined {
  const padded = [...Array<number>(large.length - small.length).fill(1), ...small]
  if (padded.some((dim, i) => dim !== 1 && dim !== large[i])) return undefined
  // Dimensions in which it repeats, then those in which it does not; or the other way round.
  const repeats = padded.map((dim, i) => dim === 1 && large[i] !== 1)
  const varies = padded.map((dim, i) => dim === large[i] && large[i] !== 1)
  const product = (from: number, to: number) => large.slice(from, to).reduce((size, dim) => size * dim, 1)
  const lastRepeat = repeats.lastIndexOf(true) + 1
  const firstVaried = varies.indexOf(true)
  if (firstVaried === -1 || firstVaried >= lastRepeat) {
    return {
      shape: { outer: product(0, lastRepeat), inner: product(lastRepeat, large.length) },
      steps: [0, 1],
    }
  }
  const lastVaried = varies.lastIndexOf(true) + 1
  const firstRepeat = repeats.indexOf(true)
  if (firstRepeat >= lastVaried) {
    return {
      shape: { outer: product(0, lastVaried), inner: product(lastVaried, large.length) },
      steps: [1, 0],
    }
  }
  return undefined
}
