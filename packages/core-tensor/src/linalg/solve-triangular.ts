import { NumericalError, ShapeError } from '../errors.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import {
  addProduct,
  addScaled,
  BLOCK,
  block,
  type Matrix,
  matrixOf,
  rowOf,
  squareOf,
  tensorOf,
  transposed,
} from './matrix.ts'

export interface SolveTriangularOptions {
  /** The matrix is upper triangular. Default: lower. */
  upper?: boolean | undefined
  /** Solves lᵀ·x = b. */
  transpose?: boolean | undefined
  /** The diagonal counts as ones and is not read. */
  unitDiagonal?: boolean | undefined
}

/**
 * Solves l·x = b for a triangular l by substitution.
 *
 * Use it with the factors of {@link cholesky} and {@link qr}, instead of an inverse.
 *
 * Block rows in the order of substitution: B[i] −= L[i, done]·X[done] by matmul, then
 * X[i, :] = (B[i, :] − Σ L[i, c]·X[c, :]) / L[i, i] within the block. Synchronous; n²·m operations
 * (Golub and Van Loan, Matrix Computations, 4th edition, 2013, section 3.1).
 *
 * @param l  (n, n), of which only the stated triangle is read
 * @param b  (n, m) right-hand sides as columns
 * @returns x (n, m) in float64
 * @throws {NumericalError} when the diagonal has a zero, or an element is not finite
 * @throws {ShapeError} when `l` is not square or `b` has other rows
 * @example
 * const l = new Tensor('float64', [2, 0, 1, 2], [2, 2])
 * const b = new Tensor('float64', [2, 5], [2, 1])
 * solveTriangular(l, b).data // => Float64Array [1, 2]
 */
export function solveTriangular(l: TensorLike, b: TensorLike, options: SolveTriangularOptions = {}): Tensor {
  const where = 'linalg/solveTriangular'
  const { upper = false, transpose = false, unitDiagonal = false } = options
  const square = squareOf(l, where)
  const matrix = transpose ? transposed(square) : square
  const { data, rows: n } = matrix
  const x = rightSideOf(b, n, where)
  for (let i = 0; i < n; i++) {
    if (unitDiagonal) data[i * (n + 1)] = 1
    if (data[i * (n + 1)] === 0) {
      throw new NumericalError(
        `[${where}] expected an invertible matrix, got 0 at index ${i} of the diagonal`,
      )
    }
  }
  substitute(matrix, x, upper !== transpose)
  return tensorOf(x)
}

/** b of a system l·x = b, to be overwritten. */
export function rightSideOf(b: TensorLike, rows: number, where: string): Matrix {
  const x = matrixOf(b, where)
  if (x.rows !== rows)
    throw new ShapeError(`[${where}] expected b with ${rows} rows, got [${x.rows},${x.columns}]`)
  return x
}

/** Overwrites x (n, m) with the solution of l·x = x, l lower triangular or upper. */
export function substitute(l: Matrix, x: Matrix, upper = false): void {
  const n = l.rows
  for (let done = 0; done < n; done += BLOCK) {
    const size = Math.min(BLOCK, n - done)
    const start = upper ? n - done - size : done
    const known = upper ? start + size : 0
    const coefficients = block(l, [start, known], size, done)
    addProduct(block(x, [start, 0], size, x.columns), coefficients, block(x, [known, 0], done, x.columns), {
      factor: -1,
    })
    for (let step = 0; step < size; step++) {
      const i = start + (upper ? size - 1 - step : step)
      const row = rowOf(x, i)
      const factors = rowOf(l, i)
      for (let c = upper ? i + 1 : start; c < (upper ? start + size : i); c++)
        addScaled(row, -factors[c]!, rowOf(x, c))
      for (let j = 0; j < row.length; j++) row[j]! /= factors[i]!
    }
  }
}
