import { type Matrix, zeros } from './matrix.ts'
import { type Reflectors, reflect } from './reflectors.ts'

export interface Tridiagonal {
  /** (n) the diagonal */
  readonly d: Float64Array
  /** (n) beside it, the last 0 */
  readonly e: Float64Array
  /** Q */
  readonly reflectors: Reflectors
}

/**
 * Qᵀ·a·Q, tridiagonal, of a symmetric matrix given by its lower triangle, which it overwrites. Each
 * step makes the update A − v·wᵀ − w·vᵀ of the step before in the pass that multiplies by its own v.
 */
export async function tridiagonalise(a: Matrix, step: () => Promise<void>): Promise<Tridiagonal> {
  const { data, rows: n } = a
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) data[j * n + i] = data[i * n + j]!
  }
  const d = new Float64Array(n)
  const e = new Float64Array(n)
  const tau = new Float64Array(Math.max(n - 1, 0))
  const vectors = zeros(n, tau.length, a.device)
  // The update A − v·wᵀ − w·vᵀ that is still to be made.
  let v = new Float64Array(n)
  let w = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    await step()
    const row = data.slice(j * n, (j + 1) * n)
    for (let k = j; k < n; k++) row[k]! -= v[j]! * w[k]! + w[j]! * v[k]!
    d[j] = row[j]!
    if (j === n - 1) break
    row.fill(0, 0, j + 1)
    const { tau: factor, beta } = reflect(row.subarray(j + 1))
    e[j] = beta
    tau[j] = factor
    for (let i = j + 1; i < n; i++) vectors.data[i * tau.length + j] = row[i]!
    const product = updateAndMultiply(data, v, w, row, j + 1) // (A − v·wᵀ − w·vᵀ)·row
    let along = 0
    for (let i = j + 1; i < n; i++) along += product[i]! * row[i]!
    for (let i = j + 1; i < n; i++) product[i] = factor * (product[i]! - (factor / 2) * along * row[i]!)
    v = row
    w = product
  }
  return { d, e, reflectors: { vectors, tau, below: 1 as const } }
}

/** A ← A − v·wᵀ − w·vᵀ in the corner from `start` on, and its product with x. */
function updateAndMultiply(
  data: Float64Array,
  v: Float64Array,
  w: Float64Array,
  x: Float64Array,
  start: number,
) {
  const n = x.length
  const product = new Float64Array(n)
  for (let i = start; i < n; i++) {
    const row = i * n
    const vi = v[i]!
    const wi = w[i]!
    let sum = 0
    for (let k = start; k < n; k++) {
      const value = data[row + k]! - (vi * w[k]! + wi * v[k]!)
      data[row + k] = value
      sum += value * x[k]!
    }
    product[i] = sum
  }
  return product
}
