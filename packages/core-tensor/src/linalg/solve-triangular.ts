import { NumericalError, ShapeError } from '../errors.ts'
import type { Tensor, TensorLike } from '../tensor.ts'
import { addProduct, BLOCK, block, type Matrix, matrixOf, squareOf, tensorOf } from './matrix.ts'

export interface SolveTriangularOptions {
  /** The matrix is upper triangular. Default: lower. */
  upper?: boolean
  /** Solves lᵀ·x = b. */
  transpose?: boolean
  /** The diagonal counts as ones and is not read. */
  unitDiagonal?: boolean
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
  const matrix = squareOf(l, where)
  const x = matrixOf(b, where)
  const { data, rows: n } = matrix
  if (x.rows !== n)
    throw new ShapeError(`[${where}] expected b with ${n} rows as in l, got [${x.rows},${x.columns}]`)
  for (let i = 0; i < n && !options.unitDiagonal; i++) {
    if (data[i * n + i] === 0) {
      throw new NumericalError(
        `[${where}] expected an invertible matrix, got 0 at index ${i} of the diagonal`,
      )
    }
  }
  substitute(matrix, x, options)
  return tensorOf(x)
}

/** Overwrites x (n, m) with the solution of op(l)·x. */
export function substitute(l: Matrix, x: Matrix, options: SolveTriangularOptions = {}): void {
  const { upper = false, transpose = false, unitDiagonal = false } = options
  const n = l.rows
  const forward = upper === transpose
  const [across, down] = transpose ? [l.stride, 1] : [1, l.stride]
  for (let done = 0; done < n; done += BLOCK) {
    const size = Math.min(BLOCK, n - done)
    const start = forward ? done : n - done - size
    const known = forward ? 0 : start + size
    const coefficients = transpose
      ? block(l, [known, start], done, size)
      : block(l, [start, known], size, done)
    addProduct(block(x, [start, 0], size, x.columns), coefficients, block(x, [known, 0], done, x.columns), {
      factor: -1,
      transposeA: transpose,
    })
    for (let step = 0; step < size; step++) {
      const i = forward ? start + step : start + size - 1 - step
      const row = x.offset + i * x.stride
      for (let c = forward ? start : i + 1; c < (forward ? i : start + size); c++) {
        const factor = l.data[l.offset + i * down + c * across]!
        const from = x.offset + c * x.stride
        for (let j = 0; j < x.columns; j++) x.data[row + j]! -= factor * x.data[from + j]!
      }
      if (unitDiagonal) continue
      const pivot = l.data[l.offset + i * down + i * across]!
      for (let j = 0; j < x.columns; j++) x.data[row + j]! /= pivot
    }
  }
}
