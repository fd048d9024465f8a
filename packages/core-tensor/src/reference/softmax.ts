import { kernel } from '../device/kernel.ts'
import type { Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'

/**
 * exp(x − max) / Σ exp(x − max) over the last axis. A row of −∞ only gives zeros.
 *
 * @param x  (…, n)
 * @returns the same shape in float32, or float64 where `x` is
 * @example
 * softmax(new Tensor('float32', [7, 7, -Infinity, 7], [4])).dims // => [4]
 */
export const softmax = /* @__PURE__ */ kernel('softmax', softmaxReference)

function softmaxReference(x: Tensor, options: Out = {}): Tensor {
  const n = x.dims.at(-1)
  if (n === undefined) throw new ShapeError('[softmax] expected x (…, n), got a scalar')
  const { values, done } = output('softmax', x.device, floatType(x), x.dims, options)
  const data = floats(x)
  for (let row = 0; row < data.length; row += n) {
    let max = -Infinity
    for (let i = row; i < row + n; i++) max = Math.max(max, data[i]!)
    if (max === -Infinity) continue
    let sum = 0
    for (let i = row; i < row + n; i++) sum += values[i] = Math.exp(data[i]! - max)
    for (let i = row; i < row + n; i++) values[i]! /= sum
  }
  return done()
}
