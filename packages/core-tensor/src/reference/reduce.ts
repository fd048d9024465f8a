import { kernel } from '../device/kernel.ts'
import type { Order, Out, ReduceOp } from '../device/kernels.ts'
import { numbersOf } from '../tensor/convert.ts'
import { aroundAxis } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floatType, output } from './output.ts'
import { requireOneOf } from './required.ts'

const steps: Record<ReduceOp, (sum: number, x: number) => number> = {
  sum: (sum, x) => sum + x,
  sumSquares: (sum, x) => sum + x * x,
  max: Math.max,
  absMax: (max, x) => Math.max(max, Math.abs(x)),
}

/**
 * Folds one axis away: `sum`, `sumSquares` (in float64, or in float32 element by element when
 * `sequential`), `max` (−∞ of nothing) and `absMax` (0 of nothing); the last two are exact.
 *
 * @returns the shape without `axis`, in float32, or float64 where `x` is
 * @example
 * const x = new Tensor('float32', [1, -2, 3, -4], [2, 2])
 * reduce('absMax', x, { axis: -1 }).data // => Float32Array [2, 4]
 */
export const reduce = /* @__PURE__ */ kernel('reduce', reduceReference)

function reduceReference(op: ReduceOp, x: Tensor, options: Out & Order & { axis: number }): Tensor {
  requireOneOf('reduce', 'an operation', op, Object.keys(steps))
  const { outer, length, inner, axis } = aroundAxis(x.dims, options.axis, 'reduce')
  const type = floatType(x)
  const dims = x.dims.filter((_, i) => i !== axis)
  const { values, done } = output('reduce', x.device, type, dims, options)
  const numbers = numbersOf(x)
  const step = steps[op]
  const rounding = options.order === 'sequential' && type === 'float32'
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let result = op === 'max' ? -Infinity : 0
      for (let at = 0; at < length; at++) {
        const value = numbers[(o * length + at) * inner + i]!
        if (!rounding) result = step(result, value)
        else
          result = Math.fround(
            op === 'sumSquares' ? result + Math.fround(value * value) : step(result, value),
          )
      }
      values[o * inner + i] = result
    }
  }
  return done()
}
