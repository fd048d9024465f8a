import { type JobOptions, pace } from '../job.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { type ColumnRotations, columnRotations } from './column-rotations.ts'
import { columnsOf, normalize, rescale, squareOf, tensorOf, vectorOf } from './matrix.ts'
import { formQ } from './reflectors.ts'
import { descending, diagonalize } from './sweeps.ts'
import { tridiagonalize } from './tridiagonalize.ts'

/**
 * The eigenvalues and eigenvectors of a symmetric matrix: a·V = V·Λ with orthonormal V.
 *
 * Use it for principal components and for matrices that are not definite; for the singular values
 * of a weight take {@link svd}, which squares nothing.
 *
 * Householder reduction to tridiagonal form, each step one pass A ← A − v·wᵀ − w·vᵀ that also
 * multiplies by the next v. Shifted to be definite, that has a bidiagonal Cholesky factor, whose right
 * singular vectors are V: the sweeps of {@link svd} find them (as Barth, Martin and Wilkinson's and
 * LAPACK's methods for definite matrices do). About 8n³ operations; the residual and the orthogonality are within a few n·2⁻⁵²·‖a‖.
 *
 * @param a  (n, n) of which only the lower triangle is read
 * @returns values (n) in descending order and vectors (n, n) as columns, in float64
 * @throws {NumericalError} when an element is not finite
 * @throws {ShapeError} when `a` is not square
 * @example
 * const a = new Tensor('float64', [2, 1, 1, 2], [2, 2])
 * const { values } = await symmetricEigen(a)
 * Math.round(Number(values.data[0])) // => 3
 */
export async function symmetricEigen(
  a: TensorLike,
  options: JobOptions = {},
): Promise<{ values: Tensor; vectors: Tensor }> {
  const matrix = squareOf(a, 'linalg/symmetricEigen')
  const { device, rows: n, data } = matrix
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) data[j * n + i] = data[i * n + j]!
  }
  const scale = normalize(matrix)
  const step = pace(options, 2 * n)
  const { d, e, reflectors } = await tridiagonalize(matrix, step)
  const vectors = await formQ(reflectors, n, () => step(false))
  const shift = factor(d, e)
  await diagonalize(d, e, [DROPPED, columnRotations(vectors)], step, 'linalg/symmetricEigen')

  const squares = d.map(value => value * value - shift)
  const order = descending(squares)
  const values = Float64Array.from(order, i => squares[i]!)
  rescale(values, scale, 'linalg/symmetricEigen')
  return { values: vectorOf(values, device), vectors: tensorOf(columnsOf(vectors, order)) }
}

/** Rotations that nobody wants. */
const DROPPED: ColumnRotations = { rotate() {}, flush() {} }

/**
 * The Cholesky factor of T + shift·I, an upper bidiagonal, in place of T; shifted by a little more than Gershgorin's
 * bound on the eigenvalues, which then lie within a factor of nine.
 */
function factor(d: Float64Array, e: Float64Array): number {
  let bound = 0
  for (let i = 0; i < d.length; i++)
    bound = Math.max(bound, Math.abs(d[i]!) + Math.abs(e[i]!) + Math.abs(e[i - 1] ?? 0))
  const shift = 1.25 * bound
  for (let i = 0; i < d.length; i++) {
    d[i] = Math.sqrt(d[i]! + shift - (e[i - 1] ?? 0) ** 2)
    if (d[i] !== 0) e[i]! /= d[i]!
  }
  return shift
}
