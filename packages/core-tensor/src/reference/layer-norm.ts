import { kernel } from '../device/kernel.ts'
import type { LayerNormOptions } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'
import { requireNumber } from './required.ts'

/**
 * Layer normalisation (Ba, Kiros and Hinton, 2016, arXiv:1607.06450):
 * (x − mean) / √(variance + ε) · weight + bias over the last axis.
 *
 * @param x  (…, d)
 * @param weight  (d)
 * @param options.bias  (d), nothing without
 * @throws {ShapeError} when the shapes do not fit or there is no epsilon
 * @example
 * const ones = new Tensor('float32', [1, 1], [2])
 * layerNorm(new Tensor('float32', [3, 7], [1, 2]), ones, { epsilon: 0 }).data // => Float32Array [-1, 1]
 */
export const layerNorm = /* @__PURE__ */ kernel('layerNorm', layerNormReference)

function layerNormReference(x: Tensor, weight: Tensor, options: LayerNormOptions): Tensor {
  const { epsilon, bias } = options
  const d = x.dims.at(-1)
  if (d === undefined || weight.size !== d || (bias !== undefined && bias.size !== d)) {
    throw new ShapeError(
      `[layerNorm] expected x (…, d), a weight (d) and a bias (d) or none, got [${x.dims}], [${weight.dims}]` +
        ` and ${bias === undefined ? 'none' : `[${bias.dims}]`}`,
    )
  }
  requireNumber('layerNorm', 'epsilon', epsilon)
  const { values, done } = output('layerNorm', x.device, floatType(x), x.dims, options)
  const data = floats(x)
  const gain = floats(weight)
  const added = bias && floats(bias)
  for (let row = 0; row < data.length; row += d) {
    let sum = 0
    for (let i = row; i < row + d; i++) sum += data[i]!
    const mean = sum / d
    let squares = 0
    for (let i = row; i < row + d; i++) squares += (data[i]! - mean) ** 2
    const scale = 1 / Math.sqrt(squares / d + epsilon)
    for (let i = 0; i < d; i++)
      values[row + i] = (data[row + i]! - mean) * scale * gain[i]! + (added === undefined ? 0 : added[i]!)
  }
  return done()
}
