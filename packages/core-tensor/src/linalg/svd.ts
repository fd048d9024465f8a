import { type JobOptions, type Pace, pace } from '../job.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { bidiagonalize } from './bidiagonalize.ts'
import { columnRotations } from './column-rotations.ts'
import {
  columnsOf,
  type Matrix,
  matrixOf,
  normalize,
  product,
  rescale,
  tensorOf,
  transposed,
  vectorOf,
} from './matrix.ts'
import { requireWhole } from './options.ts'
import { orthogonalize } from './qr.ts'
import { formQ } from './reflectors.ts'
import { descending, diagonalize } from './sweeps.ts'

export interface SvdOptions extends JobOptions {
  /** Triplets to return, those of the largest singular values. Default: all min(m, n). */
  rank?: number | undefined
}

/**
 * The thin singular value decomposition: a = u·diag(s)·vᵀ with orthonormal columns in u and v.
 *
 * Use it for the best low-rank approximation and for the numerical rank; where a small part of a
 * large spectrum is wanted, {@link randomizedSvd} costs far less.
 *
 * A matrix that is not square goes through {@link qr} first. Householder reduction to an upper
 * bidiagonal (Golub and Kahan, 1965), then QR sweeps with implicit shifts, and with shift zero where
 * a singular value is tiny (Demmel and Kahan, 1990); their rotations reach u and v in batches. About
 * 20n³ operations; singular values are within a few n·2⁻⁵²·s₀ of the truth.
 *
 * @param a  (m, n)
 * @returns u (m, k), s (k) in descending order and v (n, k) in float64, k = min(m, n, rank)
 * @throws {NumericalError} when an element is not finite
 * @throws {ShapeError} when `a` is not a matrix or the rank is not a whole number ≥ 0
 * @example
 * const { s } = await svd(new Tensor('float64', [3, 0, 0, 0, -4, 0], [2, 3]))
 * s.data // => Float64Array [4, 3]
 */
export async function svd(
  a: TensorLike,
  options: SvdOptions = {},
): Promise<{ u: Tensor; s: Tensor; v: Tensor }> {
  const matrix = matrixOf(a, 'linalg/svd')
  const n = Math.min(matrix.rows, matrix.columns)
  const { rank = n } = options
  requireWhole('linalg/svd', { rank })
  return tripletsOf(await decompose(matrix, rank, pace(options, 2 * n)))
}

/** u (m, k), s (k), v (n, k) */
export interface Triplets {
  readonly u: Matrix
  readonly s: Float64Array
  readonly v: Matrix
}

export function tripletsOf({ u, s, v }: Triplets): { u: Tensor; s: Tensor; v: Tensor } {
  return { u: tensorOf(u), s: vectorOf(s, u.device), v: tensorOf(v) }
}

/** The largest triplets of a matrix, which it overwrites, in 2·min(m, n) counted steps. */
export async function decompose(a: Matrix, rank: number, step: Pace): Promise<Triplets> {
  const n = Math.min(a.rows, a.columns)
  const between = () => step(false)
  const scale = normalize(a)
  const wide = a.rows < a.columns
  const tall = wide ? transposed(a) : a
  const thin = tall.rows === n ? undefined : await orthogonalize(tall, between)
  const { d, e, left, right } = await bidiagonalize(thin?.r ?? tall, step)
  const u = await formQ(left, n, between)
  const v = await formQ(right, n, between)
  await diagonalize(d, e, [columnRotations(u), columnRotations(v)], step, 'linalg/svd')

  // What is negative in d turns its column of v (n, n).
  for (let i = 0; i < v.data.length; i++) if (d[i % n]! < 0) v.data[i]! *= -1
  const values = d.map(Math.abs)
  const order = descending(values).slice(0, rank)
  const s = Float64Array.from(order, i => values[i]!)
  rescale(s, scale, 'linalg/svd')
  const largest = columnsOf(u, order)
  const long = thin === undefined ? largest : product(thin.q, largest)
  const other = columnsOf(v, order)
  return wide ? { u: other, s, v: long } : { u: long, s, v: other }
}
