import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { type CholeskyOptions, damp, factorize } from './cholesky.ts'
import { BLOCK, block, identity, squareOf, tensorOf } from './matrix.ts'
import { substitute } from './solve-triangular.ts'

/**
 * The Cholesky factor of an inverse, without the inverse: the upper U with a⁻¹ = Uᵀ·U.
 *
 * Use it where a method walks the inverse of a Hessian column by column: GPTQ, SparseGPT. It is
 * `torch.linalg.cholesky(a⁻¹, upper=True)`, with one condition number lost instead of two.
 *
 * With J the exchange of first and last: J·a·J = M·Mᵀ with M lower, so a = R·Rᵀ with R = J·M·J
 * upper, and a⁻¹ = R⁻ᵀ·R⁻¹, which makes U = R⁻¹ = J·M⁻¹·J. Synchronous; 2n³/3 operations.
 *
 * @param a  (n, n) symmetric positive definite, of which only the upper triangle is read
 * @returns U (n, n) in float64, zero below the diagonal
 * @throws {NumericalError} when a pivot is not positive, or an element is not finite
 * @throws {ShapeError} when `a` is not square, or the damping is negative
 * @example
 * const a = new Tensor('float64', [5, 2, 2, 4], [2, 2])
 * inverseCholesky(a).data // => Float64Array [0.5, -0.25, 0, 0.5]
 */
export function inverseCholesky(a: TensorLike, options: CholeskyOptions = {}): Tensor {
  const m = squareOf(a, 'linalg/inverseCholesky')
  const n = m.rows
  damp(m, options, 'linalg/inverseCholesky')
  m.data.reverse()
  factorize(m, 'linalg/inverseCholesky', index => n - 1 - index)
  const inverse = identity(n, n, m.device)
  // M⁻¹ is lower too, so its columns from j on are solved by the rows from j on.
  for (let j = 0; j < n; j += BLOCK) {
    substitute(block(m, [j, j], n - j, n - j), block(inverse, [j, j], n - j, Math.min(BLOCK, n - j)))
  }
  inverse.data.reverse()
  return tensorOf(inverse)
}
