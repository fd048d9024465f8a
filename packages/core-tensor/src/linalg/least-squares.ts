import { NumericalError } from '../errors.ts'
import { type JobOptions, pace } from '../job.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import {
  BLOCK,
  block,
  filled,
  type Matrix,
  matrixOf,
  normalize,
  product,
  rescale,
  tensorOf,
} from './matrix.ts'
import { requireWeight } from './options.ts'
import { orthogonalize } from './qr.ts'
import { rightSideOf, substitute } from './solve-triangular.ts'

export interface LeastSquaresOptions extends JobOptions {
  /** λ ≥ 0, the weight of ‖x‖² (Tikhonov). Default 0. */
  ridge?: number | undefined
}

/**
 * The x that minimises ‖a·x − b‖² + λ·‖x‖², column by column of b.
 *
 * Use it to fit codebooks, scales and linear maps to activations; it loses half the digits that the
 * normal equations with {@link cholesky} lose.
 *
 * By the QR of a, or of a over √λ·I, and r·x = qᵀ·b (Golub and Van Loan, Matrix Computations,
 * 4th edition, 2013, section 5.3).
 *
 * @param a  (m, n), of full column rank unless there is a ridge
 * @param b  (m, p)
 * @returns x (n, p) in float64
 * @throws {NumericalError} when the columns of `a` are dependent, or an element is not finite
 * @throws {ShapeError} when `b` has other rows than `a`, or the ridge is not ≥ 0
 * @example
 * const a = new Tensor('float64', [1, 0, 1, 1, 1, 2], [3, 2])
 * const b = new Tensor('float64', [1, 3, 5], [3, 1])
 * const x = await leastSquares(a, b)
 * Math.round(Number(x.data[1])) // => 2
 */
export async function leastSquares(
  a: TensorLike,
  b: TensorLike,
  options: LeastSquaresOptions = {},
): Promise<Tensor> {
  const where = 'linalg/leastSquares'
  const { ridge = 0 } = options
  requireWeight(where, 'ridge', ridge)
  const matrix = matrixOf(a, where)
  const { rows: m, columns: n } = matrix
  const target = rightSideOf(b, m, where)
  const system = ridge > 0 ? augmented(matrix, Math.sqrt(ridge)) : matrix
  const scale = normalize(system)
  const { q, r } = await orthogonalize(system, pace(options, 2 * Math.ceil(Math.min(system.rows, n) / BLOCK)))
  requireFullRank(r, Math.max(m, n), where)
  const x = product(block(q, [0, 0], m, n), target, { transposeA: true }) // qᵀ·b
  substitute(r, x, true)
  rescale(x.data, 1 / scale, where)
  return tensorOf(x)
}

/** a over √λ·I. */
function augmented(a: Matrix, root: number): Matrix {
  const { rows: m, columns: n, device } = a
  return filled(m + n, n, device, (i, j) => (i < m ? a.data[i * n + j]! : i === m + j ? root : 0))
}

/** Throws where a diagonal element of r is lost in the rounding of the others. */
function requireFullRank({ data, columns }: Matrix, size: number, where: string): void {
  // Columns past the last row have none.
  const pivots = Array.from({ length: columns }, (_, i) => Math.abs(data[i * (columns + 1)] ?? 0))
  const negligible = size * Number.EPSILON * Math.max(...pivots)
  const at = pivots.findIndex(pivot => pivot <= negligible)
  if (at >= 0) {
    throw new NumericalError(
      `[${where}] expected independent columns, got column ${at} that depends on those before; ` +
        'pass { ridge: 1e-6 }',
    )
  }
}
