import { NumericalError, ShapeError } from '../errors.ts'
import type { JobOptions } from '../job.ts'
import { asTensor, type Tensor, type TensorLike } from '../tensor.ts'
import { ColumnRotations } from './column-rotations.ts'
import { addProduct, block, columnsOf, identity, type Matrix, matrixOf, normalise, rescale, tensorOf, transposed, zeros } from './matrix.ts'
import { pace } from './pace.ts'
import { orthogonalise } from './qr.ts'
import { formQ, reflect } from './reflectors.ts'

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
export async function svd(a: TensorLike, options: SvdOptions = {}): Promise<{ u: Tensor; s: Tensor; v: Tensor }> {
  const matrix = matrixOf(a, 'linalg/svd')
  const { device, rows, columns } = matrix
  const n = Math.min(rows, columns)
  const { rank = n, signal } = options
  if (!Number.isInteger(rank) || rank < 0) throw new ShapeError(`[linalg/svd] expected a whole rank ≥ 0, got ${rank}`)
  const scale = normalise(matrix)
  const reached = pace(options, 2 * n)
  let done = 0
  const step = () => reached(++done)

  const wide = rows < columns
  const { q, r } = rows === columns ? { q: undefined, r: matrix } : await orthogonalise(wide ? transposed(matrix) : matrix, options)
  const { d, e, left, right } = await bidiagonalise(r, step)
  const u = await formQ(left, n, () => reached(done))
  const v = await formQ(right, n, () => reached(done))
  await diagonalise(d, e, { left: new ColumnRotations(u), right: new ColumnRotations(v), step })

  const order = Array.from(d.keys())
    .sort((i, j) => Math.abs(d[j]!) - Math.abs(d[i]!))
    .slice(0, rank)
  const s = Float64Array.from(order, i => Math.abs(d[i]!))
  rescale(s, scale)
  const sorted = { u: columnsOf(u, order), v: columnsOf(v, order) }
  for (let j = 0; j < order.length; j++) {
    if (d[order[j]!]! < 0) for (let i = j; i < sorted.v.data.length; i += order.length) sorted.v.data[i]! *= -1
  }
  const long = zeros(Math.max(rows, columns), order.length, device) // q·u
  if (q !== undefined) addProduct(long, q, sorted.u)
  const [short, other] = [tensorOf(sorted.v), tensorOf(q === undefined ? sorted.u : long)]
  return {
    u: wide ? short : other,
    s: asTensor({ type: 'float64', dims: [order.length], data: s }, device),
    v: wide ? other : short,
  }
}

/**
 * Uᵀ·a·V with the diagonal d (n) and e above it (n, the last 0). Each step makes the update
 * A − u·yᵀ − x·vᵀ of the step before in the pass that multiplies by its own u
 * (Howell, Demmel, Fulton, Hammarling and Marmol, 2008).
 */
async function bidiagonalise(a: Matrix, step: () => Promise<void>) {
  const { data, rows: n, device } = a
  const d = new Float64Array(n)
  const e = new Float64Array(n)
  const left = { vectors: zeros(n, n, device), tau: new Float64Array(n), below: 0 as const }
  const right = { vectors: zeros(n, Math.max(n - 1, 0), device), tau: new Float64Array(Math.max(n - 1, 0)), below: 1 as const }
  let u = new Float64Array(n)
  let y = new Float64Array(n)
  let x = new Float64Array(n)
  let v = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    await step()
    const column = new Float64Array(n)
    for (let i = j; i < n; i++) column[i] = data[i * n + j]! - (u[i]! * y[j]! + x[i]! * v[j]!)
    const { tau, beta } = reflect(column.subarray(j))
    d[j] = beta
    left.tau[j] = tau
    for (let i = j; i < n; i++) left.vectors.data[i * n + j] = column[i]!
    if (j === n - 1) break

    const down = updateAndMultiply(data, { u, y, x, v }, column, j) // Aᵀ·u
    const row = new Float64Array(n)
    for (let k = j + 1; k < n; k++) {
      down[k]! *= tau
      row[k] = data[j * n + k]! - down[k]!
    }
    const across = reflect(row.subarray(j + 1))
    e[j] = across.beta
    right.tau[j] = across.tau
    for (let k = j + 1; k < n; k++) right.vectors.data[k * (n - 1) + j] = row[k]!

    const along = dot(down, row, 0)
    x = new Float64Array(n)
    for (let i = j + 1; i < n; i++) {
      x[i] = across.tau * (dot(data.subarray(i * n, (i + 1) * n), row, j + 1) - column[i]! * along)
    }
    u = column
    y = down
    v = row
  }
  return { d, e, left, right }
}

/** A ← A − u·yᵀ − x·vᵀ from row `start` and the column after it on; returns Aᵀ·w. */
function updateAndMultiply(
  data: Float64Array,
  { u, y, x, v }: Record<'u' | 'y' | 'x' | 'v', Float64Array>,
  w: Float64Array,
  start: number,
) {
  const n = w.length
  const product = new Float64Array(n)
  for (let i = start; i < n; i++) {
    const row = i * n
    const ui = u[i]!
    const xi = x[i]!
    const wi = w[i]!
    for (let k = start + 1; k < n; k++) {
      const value = data[row + k]! - (ui * y[k]! + xi * v[k]!)
      data[row + k] = value
      product[k]! += wi * value
    }
  }
  return product
}

function dot(a: Float64Array, b: Float64Array, start: number): number {
  let even = 0
  let odd = 0
  let i = start
  for (; i + 1 < a.length; i += 2) {
    even += a[i]! * b[i]!
    odd += a[i + 1]! * b[i + 1]!
  }
  return i < a.length ? even + a[i]! * b[i]! + odd : even + odd
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
      // A shift that is lost against d² would only add rounding.
      const shifted = (shift / first) ** 2 > Number.EPSILON
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
