import { NumericalError, ShapeError } from '../errors.ts'
import type { JobOptions } from '../job.ts'
import { asTensor, type Tensor, type TensorLike } from '../tensor.ts'
import { bidiagonalise } from './bidiagonalise.ts'
import { ColumnRotations } from './column-rotations.ts'
import {
  columnsOf,
  type Matrix,
  matrixOf,
  normalise,
  product,
  rescale,
  tensorOf,
  transposed,
} from './matrix.ts'
import { pace } from './pace.ts'
import { orthogonalise } from './qr.ts'
import { formQ } from './reflectors.ts'

export interface SvdOptions extends JobOptions {
  /** Triplets to return, those of the largest singular values. Default: all min(m, n). */
  rank?: number
}

/** Two are usual; the limit is there so that nothing can hang. */
const SWEEPS = 60

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
  if (!Number.isInteger(rank) || rank < 0) {
    throw new ShapeError(`[linalg/svd] expected a whole rank ≥ 0, got ${rank}`)
  }
  const reached = pace(options, 2 * n)
  let done = 0
  return tripletsOf(await decompose(matrix, rank, counted => reached(counted ? ++done : done)))
}

/** u (m, k), s (k), v (n, k) */
export interface Triplets {
  readonly u: Matrix
  readonly s: Float64Array
  readonly v: Matrix
}

export function tripletsOf({ u, s, v }: Triplets): { u: Tensor; s: Tensor; v: Tensor } {
  const values = { type: 'float64', dims: [s.length], data: s }
  return { u: tensorOf(u), s: asTensor(values, u.device), v: tensorOf(v) }
}

/** The largest triplets of a matrix, which it overwrites, in 2·min(m, n) counted steps. */
export async function decompose(
  a: Matrix,
  rank: number,
  step: (counted: boolean) => Promise<void>,
): Promise<Triplets> {
  const n = Math.min(a.rows, a.columns)
  const counted = () => step(true)
  const between = () => step(false)
  const scale = normalise(a)
  const wide = a.rows < a.columns
  const tall = wide ? transposed(a) : a
  const thin = tall.rows === n ? undefined : await orthogonalise(tall, between)
  const { d, e, left, right } = await bidiagonalise(thin?.r ?? tall, counted)
  const u = await formQ(left, n, between)
  const v = await formQ(right, n, between)
  await diagonalise(d, e, { left: new ColumnRotations(u), right: new ColumnRotations(v), step: counted })

  for (let j = 0; j < n; j++) if (d[j]! < 0) negateColumn(v, j)
  const order = Array.from(d.keys())
    .sort((i, j) => Math.abs(d[j]!) - Math.abs(d[i]!))
    .slice(0, rank)
  const s = Float64Array.from(order, i => Math.abs(d[i]!))
  rescale(s, scale, 'linalg/svd')
  const largest = columnsOf(u, order)
  const long = thin === undefined ? largest : product(thin.q, largest)
  const other = columnsOf(v, order)
  return wide ? { u: other, s, v: long } : { u: long, s, v: other }
}

/** QR sweeps down each unreduced block, the last block first, until d holds the singular values up to sign. */
async function diagonalise(
  d: Float64Array,
  e: Float64Array,
  { left, right, step }: { left: ColumnRotations; right: ColumnRotations; step: () => Promise<void> },
): Promise<void> {
  let norm = 0
  for (let i = 0; i < d.length; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!))
  const negligible = Number.EPSILON * norm
  for (let bottom = d.length - 1; bottom >= 0; bottom--) {
    for (let sweep = 0; ; sweep++) {
      let top = bottom
      while (top > 0 && Math.abs(e[top - 1]!) > negligible) top--
      if (top === bottom) break
      if (sweep === SWEEPS) throw new NumericalError(`[linalg/svd] expected convergence in ${SWEEPS} sweeps`)
      const shift = shiftOf(d[bottom - 1]!, e[bottom - 1]!, d[bottom]!)
      const first = d[top]!
      // Next to a tiny shift or first element, zero converges at once, and loses nothing.
      const shifted = Math.abs(first) > negligible && (shift / first) ** 2 > Number.EPSILON
      let f = shifted ? (Math.abs(first) - shift) * (Math.sign(first) + shift / first) : first
      let g = e[top]!
      for (let i = top; i < bottom; i++) {
        let [c, s, r] = rotation(f, g)
        if (i > top) e[i - 1] = r
        right.rotate(i, c, s)
        f = c * d[i]! + s * e[i]!
        e[i] = c * e[i]! - s * d[i]!
        g = s * d[i + 1]!
        d[i + 1]! *= c
        ;[c, s, r] = rotation(f, g)
        d[i] = r
        left.rotate(i, c, s)
        f = c * e[i]! + s * d[i + 1]!
        d[i + 1] = c * d[i + 1]! - s * e[i]!
        g = s * e[i + 1]!
        if (i + 1 < bottom) e[i + 1]! *= c
      }
      e[bottom - 1] = f
    }
    await step()
  }
  left.flush()
  right.flush()
}

function negateColumn({ data, columns }: Matrix, j: number): void {
  for (let at = j; at < data.length; at += columns) data[at]! *= -1
}

/** The smaller singular value of [[f, g], [0, h]]: |det| over the larger one. */
function shiftOf(f: number, g: number, h: number): number {
  const sum = Math.abs(f) + Math.abs(h)
  const difference = Math.abs(f) - Math.abs(h)
  return (2 * Math.abs(f * h)) / (Math.sqrt(sum * sum + g * g) + Math.sqrt(difference * difference + g * g))
}

/** The rotation that turns (f, g) into (r, 0). */
function rotation(f: number, g: number): [c: number, s: number, r: number] {
  const r = Math.sqrt(f * f + g * g)
  return r === 0 ? [1, 0, 0] : [f / r, g / r, r]
}
