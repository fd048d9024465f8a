import { type CoreKernels, ShapeError, sameDims } from '@tersor/core-tensor'
import { productOf } from '@tersor/core-tensor/host'
import { gemm, leftOf, rightOf } from '../gemm.ts'
import { output } from '../output.ts'

export const matmul: CoreKernels['matmul'] = (a, b, options = {}) => {
  const { transposeA = false, transposeB = false } = options
  const fold = b.dims.length === 2 && !transposeA
  const batchDims = fold ? [] : a.dims.slice(0, -2)
  if (
    a.dims.length < (fold ? 1 : 2) ||
    b.dims.length < 2 ||
    !(fold || sameDims(batchDims, b.dims.slice(0, -2)))
  ) {
    throw new ShapeError(
      `[matmul] expected matrices with the same leading dimensions, got [${a.dims}] and [${b.dims}]`,
    )
  }
  const aColumns = a.dims.at(-1)!
  const aRows = fold ? a.size / Math.max(aColumns, 1) : a.dims.at(-2)!
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns]
  const [bK, n] = transposeB ? [b.dims.at(-1)!, b.dims.at(-2)!] : [b.dims.at(-2)!, b.dims.at(-1)!]
  if (k !== bK) {
    throw new ShapeError(
      `[matmul] expected equal inner dimensions, got ${k} of [${a.dims}] and ${bK} of [${b.dims}]`,
    )
  }
  // A vector of no columns and a fold over nothing still have rows.
  const dims = fold ? [...a.dims.slice(0, -1), n] : [...batchDims, m, n]
  const rows = fold ? productOf(a.dims.slice(0, -1)) : m
  const left = leftOf(a, m * k, transposeA ? [1, m] : [k, 1])
  const right = rightOf(b, k * n, transposeB ? [1, k] : [n, 1])
  const shape = { batch: productOf(batchDims), m: rows, n, k }
  return output('matmul', 'float32', a, dims, options, (y, accumulate) =>
    gemm(y, left, right, shape, { ...options, accumulate }),
  )
}
