import { type Matrix, zeros } from './matrix.ts'
import { type Reflectors, reflect } from './reflectors.ts'

export interface Bidiagonal {
  /** (n) the diagonal */
  readonly d: Float64Array
  /** (n) above it, the last 0 */
  readonly e: Float64Array
  /** U */
  readonly left: Reflectors
  /** V */
  readonly right: Reflectors
}

/**
 * Uᵀ·a·V, upper bidiagonal, of a square matrix, which it overwrites. Each step makes the update
 * A − u·yᵀ − x·vᵀ of the step before in the pass that multiplies by its own u (Howell, Demmel, Fulton,
 * Hammarling and Marmol, 2008).
 */
export async function bidiagonalise(a: Matrix, step: () => Promise<void>): Promise<Bidiagonal> {
  const { data, rows: n, device } = a
  const d = new Float64Array(n)
  const e = new Float64Array(n)
  const left = { vectors: zeros(n, n, device), tau: new Float64Array(n), below: 0 as const }
  const right = {
    vectors: zeros(n, Math.max(n - 1, 0), device),
    tau: new Float64Array(Math.max(n - 1, 0)),
    below: 1 as const,
  }
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
