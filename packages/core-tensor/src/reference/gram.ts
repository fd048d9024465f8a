import { kernel } from '../device/kernel.ts'
import type { Order, Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { gemm } from './gemm.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'
import { summationOf } from './tiles.ts'

/**
 * The Gram matrix xᵀx. With a float64 `out` and `accumulate` it sums many batches without loss.
 *
 * @param x  (…, d); leading dimensions count as samples
 * @returns (d, d) in float32, or float64 where `x` or `out` is
 * @example
 * gram(new Tensor('float32', [1, 2, 3, 4], [2, 2])).data // => Float32Array [10, 14, 14, 20]
 */
export const gram = /* @__PURE__ */ kernel('gram', gramReference)

function gramReference(x: Tensor, options: Out & Order = {}): Tensor {
  const d = x.dims.at(-1)
  if (d === undefined) throw new ShapeError('[gram] expected x (…, d), got a scalar')
  const type = options.out === undefined ? floatType(x) : floatType(x, options.out)
  const { values, done } = output('gram', x.device, type, [d, d], options)
  const data = floats(x)
  const samples = d === 0 ? 0 : x.size / d
  const left = { data, offset: 0, rowStride: 1, columnStride: d }
  const right = { data, offset: 0, rowStride: d, columnStride: 1 }
  gemm(d, d, samples, left, right, values, summationOf(values, options))
  return done()
}
