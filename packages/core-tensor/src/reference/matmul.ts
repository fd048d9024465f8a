import { kernel } from '../device/kernel.ts'
import type { MatmulOptions } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { productOf, sameDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { gemm } from './gemm.ts'
import { floatType, output } from './output.ts'
import { type Strided, summationOf } from './tiles.ts'

/**
 * The matrix product a·b.
 *
 * A two-dimensional `b` multiplies every row of `a`, whatever leading dimensions `a` has;
 * otherwise both carry the same leading (batch) dimensions.
 *
 * @param a  (…, m, k), or (…, k, m) with `transposeA`
 * @param b  (…, k, n), or (…, n, k) with `transposeB`
 * @returns (…, m, n) in float32, or in float64 where an operand is
 * @throws {ShapeError} when the inner or batch dimensions differ
 * @example
 * const a = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * const b = new Tensor('float32', [5, 6, 7, 8], [2, 2])
 * matmul(a, b, { transposeB: true }).data // => Float32Array [17, 23, 39, 53]
 */
export const matmul = /* @__PURE__ */ kernel('matmul', matmulReference)

function matmulReference(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
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
  const [aRows, aColumns] = fold
    ? [a.size / Math.max(a.dims.at(-1)!, 1), a.dims.at(-1)!]
    : [a.dims.at(-2)!, a.dims.at(-1)!]
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns]
  const [bK, n] = transposeB ? [b.dims.at(-1)!, b.dims.at(-2)!] : [b.dims.at(-2)!, b.dims.at(-1)!]
  if (k !== bK) {
    throw new ShapeError(
      `[matmul] expected equal inner dimensions, got ${k} of [${a.dims}] and ${bK} of [${b.dims}]`,
    )
  }
  const dims = fold ? [...a.dims.slice(0, -1), n] : [...batchDims, m, n]
  const type = floatType(a, b)
  const { values, done } = output('matmul', a.device, type, dims, options)
  const summation = summationOf(values, options)
  const aData = floats(a)
  const bData = floats(b)
  const batch = productOf(batchDims)
  for (let i = 0; i < batch; i++) {
    const left = strided(aData, i * m * k, aColumns, transposeA)
    const right = strided(bData, i * k * n, transposeB ? k : n, transposeB)
    gemm(m, n, k, left, right, values, summation, i * m * n)
  }
  return done()
}

/** A matrix, or its transpose, with `columns` numbers in a row of memory. */
export function strided(
  data: ArrayLike<number>,
  offset: number,
  columns: number,
  transposed: boolean,
): Strided {
  return transposed
    ? { data, offset, rowStride: 1, columnStride: columns }
    : { data, offset, rowStride: columns, columnStride: 1 }
}

/** The elements as floats: float32 and float64 as they are. */
export function floats(x: Tensor): Float32Array | Float64Array {
  const numbers = numbersOf(x)
  return numbers instanceof Float32Array || numbers instanceof Float64Array
    ? numbers
    : Float32Array.from(numbers)
}
