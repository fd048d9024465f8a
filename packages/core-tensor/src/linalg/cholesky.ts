import { NumericalError } from '../errors.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { addProduct, BLOCK, block, type Matrix, rowOf, squareOf, tensorOf } from './matrix.ts'
import { requireWeight } from './options.ts'

export interface CholeskyOptions {
  /** Added to the diagonal, as a fraction of its mean: GPTQ takes 0.01. Default 0. */
  damping?: number | undefined
}

/**
 * The Cholesky factor of a symmetric positive definite matrix: the lower L with a = L·Lᵀ.
 *
 * Use it to solve systems with Gram matrices and covariances, with {@link solveTriangular}; for the
 * factor of the inverse take {@link inverseCholesky}, and for indefinite matrices {@link symmetricEigen}.
 *
 * Block columns from the left: A[j:, j] −= L[j:, :j]·L[j, :j]ᵀ by matmul, then row by row
 * L[i, c] = (A[i, c] − L[i, :c]·L[c, :c]ᵀ) / L[c, c] within the block. Synchronous; n³/3 operations
 * (Golub and Van Loan, Matrix Computations, 4th edition, 2013, section 4.2).
 *
 * @param a  (n, n), of which only the lower triangle is read
 * @returns (n, n) in float64, zero above the diagonal
 * @throws {NumericalError} when a pivot is not positive, or an element is not finite
 * @throws {ShapeError} when `a` is not square, or the damping is negative
 * @example
 * const a = new Tensor('float64', [4, 2, 2, 5], [2, 2])
 * cholesky(a).data // => Float64Array [2, 0, 1, 2]
 */
export function cholesky(a: TensorLike, options: CholeskyOptions = {}): Tensor {
  const l = squareOf(a, 'linalg/cholesky')
  damp(l, options, 'linalg/cholesky')
  factorize(l, 'linalg/cholesky')
  return tensorOf(l)
}

/** a ← a + damping · mean(diag a) · I */
export function damp(a: Matrix, { damping = 0 }: CholeskyOptions, where: string): void {
  requireWeight(where, 'damping', damping)
  const step = a.rows + 1
  let trace = 0
  for (let i = 0; i < a.data.length; i += step) trace += a.data[i]!
  const added = damping * (trace / a.rows)
  for (let i = 0; i < a.data.length; i += step) a.data[i]! += added
}

/**
 * Overwrites a with L.
 *
 * @param indexOf  where the caller's matrix has the pivot at an index of `a`
 * @throws {NumericalError} when a pivot is not positive
 */
export function factorize(a: Matrix, where: string, indexOf = (index: number) => index): void {
  const { data, rows: n } = a
  for (let j = 0; j < n; j += BLOCK) {
    const width = Math.min(BLOCK, n - j)
    const done = block(a, [j, 0], n - j, j)
    addProduct(
      block(a, [j, j], n - j, width),
      done,
      { ...done, rows: width },
      { factor: -1, transposeB: true },
    )
    for (let i = j; i < n; i++) {
      const row = i * n + j
      for (let c = 0; c < Math.min(i - j + 1, width); c++) {
        const pivotRow = (j + c) * n + j
        let value = data[row + c]!
        for (let p = 0; p < c; p++) value -= data[row + p]! * data[pivotRow + p]!
        if (i > j + c) data[row + c] = value / data[pivotRow + c]!
        else if (value > 0 && value < Infinity) data[row + c] = Math.sqrt(value)
        else {
          throw new NumericalError(
            `[${where}] expected a positive definite matrix, got the pivot ${value} at index ${indexOf(i)}; ` +
              'pass { damping: 0.01 } or more',
          )
        }
      }
    }
  }
  for (let i = 0; i < n; i++) rowOf(a, i).fill(0, i + 1)
}
