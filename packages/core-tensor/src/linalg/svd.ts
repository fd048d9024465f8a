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
  VANISHING,
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

/**
 * QR sweeps through each unreduced block, from its larger end to its smaller one, until d holds the
 * singular values up to sign. A sweep upwards is one downwards in the transpose of the reversed block.
 */
async function diagonalise(
  d: Float64Array,
  e: Float64Array,
  { left, right, step }: { left: ColumnRotations; right: ColumnRotations; step: () => Promise<void> },
): Promise<void> {
  let norm = 0
  for (let i = 0; i < d.length; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!))
  const negligible = Number.EPSILON * norm
  let sweeps = SWEEPS * d.length
  let last = { top: -1, bottom: -1, up: false }
  for (let bottom = d.length - 1; bottom >= 0; bottom--) {
    for (;;) {
      let top = bottom
      while (top > 0 && Math.abs(e[top - 1]!) > negligible) top--
      if (top === bottom) break
      if (sweeps-- === 0)
        throw new NumericalError(`[linalg/svd] expected convergence in ${SWEEPS} sweeps a value`)
      // What is left of a block keeps its direction.
      const entered = top > last.bottom || bottom < last.top
      const up = entered ? Math.abs(d[bottom]!) > Math.abs(d[top]!) : last.up
      last = { top, bottom, up }
      sweep(d, e, last, up ? [left, right] : [right, left], negligible)
    }
    await step()
  }
  left.flush()
  right.flush()
}

function sweep(
  d: Float64Array,
  e: Float64Array,
  { top, bottom, up }: { top: number; bottom: number; up: boolean },
  [outer, inner]: readonly [ColumnRotations, ColumnRotations],
  negligible: number,
): void {
  const [start, end, step] = up ? [bottom, top, -1] : [top, bottom, 1]
  /** Where e stands between d[i] and the next one. */
  const between = (i: number) => (up ? i - 1 : i)
  const shift = shiftOf(d[end - step]!, e[between(end - step)]!, d[end]!)
  const first = d[start]!
  // Next to a tiny shift or first element, zero converges at once, and loses nothing.
  const shifted = Math.abs(first) > negligible && (shift / first) ** 2 > Number.EPSILON
  let f = shifted ? (Math.abs(first) - shift) * (Math.sign(first) + shift / first) : first
  let g = e[between(start)]!
  for (let i = start; i !== end; i += step) {
    const at = between(i)
    let [c, s, r] = rotation(f, g)
    if (i !== start) e[at - step] = r
    outer.rotate(at, c, step * s)
    f = c * d[i]! + s * e[at]!
    e[at] = c * e[at]! - s * d[i]!
    g = s * d[i + step]!
    d[i + step]! *= c
    ;[c, s, r] = rotation(f, g)
    d[i] = r
    inner.rotate(at, c, step * s)
    f = c * e[at]! + s * d[i + step]!
    d[i + step] = c * d[i + step]! - s * e[at]!
    if (i + step !== end) {
      g = s * e[at + step]!
      e[at + step]! *= c
    }
  }
  e[between(end - step)] = f
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

/** The rotation that turns (f, g) into (r, 0), next to elements near 1. */
function rotation(f: number, g: number): [c: number, s: number, r: number] {
  const squares = f * f + g * g
  if (squares < VANISHING) return [1, 0, f]
  const r = Math.sqrt(squares)
  return [f / r, g / r, r]
}
