import { kernel } from '../device/kernel.ts'
import { ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { output } from './output.ts'

/**
 * How many elements fall into each of `bins` equal parts of `range`; the last part includes its
 * upper end, elements outside and NaN are not counted.
 *
 * @returns (bins) int32
 * @example
 * const x = new Tensor('float32', [0, 0.1, 0.6, 1, 7], [5])
 * histogram(x, { bins: 2, range: [0, 1] }).data // => Int32Array [2, 2]
 */
export const histogram = /* @__PURE__ */ kernel('histogram', histogramReference)

function histogramReference(
  x: Tensor,
  options: { bins: number; range: readonly [low: number, high: number]; out?: Tensor | undefined },
): Tensor {
  const {
    bins,
    range: [low, high],
  } = options
  if (!Number.isInteger(bins) || bins < 1 || !(low < high) || !Number.isFinite(high - low)) {
    throw new ShapeError(
      `[histogram] expected bins ≥ 1 and a range low < high, got ${bins} and [${low}, ${high}]`,
    )
  }
  const { values, done } = output('histogram', x.device, 'int32', [bins], options)
  const numbers = numbersOf(x)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!
    if (value >= low && value <= high)
      values[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))]! += 1
  }
  return done()
}
