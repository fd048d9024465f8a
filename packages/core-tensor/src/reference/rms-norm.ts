import { kernel } from '../device/kernel.ts'
import type { Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'
import { requireNumber } from './required.ts'

/**
 * Root-mean-square normalisation (Zhang and Sennrich, 2019, arXiv:1910.07467):
 * x / √(mean(x²) + ε) · weight over the last axis.
 *
 * @param x  (…, d)
 * @param weight  (d)
 * @example
 * const ones = new Tensor('float32', [1, 1], [2])
 * rmsNorm(new Tensor('float32', [5, 5], [1, 2]), ones, { epsilon: 0 }).data // => Float32Array [1, 1]
 */
export const rmsNorm = /* @__PURE__ */ kernel('rmsNorm', rmsNormReference)

function rmsNormReference(x: Tensor, weight: Tensor, options: Out & { epsilon: number }): Tensor {
  const d = x.dims.at(-1)
  if (d === undefined || weight.size !== d) {
    throw new ShapeError(`[rmsNorm] expected x (…, d) and a weight (d), got [${x.dims}] and [${weight.dims}]`)
  }
  requireNumber('rmsNorm', 'epsilon', options.epsilon)
  const { values, done } = output('rmsNorm', x.device, floatType(x), x.dims, options)
  const data = floats(x)
  const gain = floats(weight)
  for (let row = 0; row < data.length; row += d) {
    let sumSquares = 0
    for (let i = row; i < row + d; i++) sumSquares += data[i]! * data[i]!
    const scale = 1 / Math.sqrt(sumSquares / d + options.epsilon)
    for (let i = 0; i < d; i++) values[row + i] = data[row + i]! * scale * gain[i]!
  }
  return done()
}
