import { type CoreKernels, ShapeError } from '@tersor/core-tensor'
import { gemm, leftOf, rightOf } from '../gemm.ts'
import { output } from '../output.ts'

export const gram: CoreKernels['gram'] = (x, options = {}) => {
  const d = x.dims.at(-1)
  if (d === undefined) throw new ShapeError('[gram] expected x (…, d), got a scalar')
  const shape = { batch: 1, m: d, n: d, k: d === 0 ? 0 : x.size / d }
  return output('gram', 'float32', x, [d, d], options, (y, accumulate) =>
    gemm(y, leftOf(x, 0, [1, d]), rightOf(x, 0, [d, 1]), shape, { ...options, accumulate }),
  )
}
