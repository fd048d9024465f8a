import { type CoreKernels, decode, sizeOf } from '@tersor/core-tensor'
import { gemm, leftOf, rightOf } from '../gemm.ts'
import { output } from '../output.ts'
import { plainPart } from '../stored-weight.ts'

/** Weights in a storage type are widened as they are read; those that decode to a narrow type are rounded first. */
export const linearDense: CoreKernels['linearDense'] = (x, w, options = {}) => {
  const stored = plainPart(w, 'values')
  const values = w.type === 'float32' || w.type === stored.type ? stored : decode(w)
  const { transpose = false } = options
  const [n, k] = (transpose ? [w.dims[1], w.dims[0]] : w.dims) as [number, number]
  const batchDims = x.dims.slice(0, -1)
  const shape = { batch: 1, m: sizeOf(batchDims), n, k }
  const right = rightOf(values, 0, transpose ? [n, 1] : [1, k])
  return output('linear', 'float32', x, [...batchDims, n], options, (y, accumulate) =>
    gemm(y, leftOf(x, 0, [k, 1]), right, shape, { ...options, accumulate }),
  )
}
