import { type Matrix, rowOf } from './matrix.ts'
import { type Reflectors, reflect, reflectorsOf } from './reflectors.ts'
import { updateAndMultiply } from './update-and-multiply.ts'

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
export async function bidiagonalize(a: Matrix, step: () => Promise<void>): Promise<Bidiagonal> {
  const { data, rows: n, device } = a
  const d = new Float64Array(n)
  const e = new Float64Array(n)
  const left = reflectorsOf(n, n, 0, device)
  const right = reflectorsOf(n, Math.max(n - 1, 0), 1, device)
  let u = new Float64Array(n)
  let y = new Float64Array(n)
  let x = new Float64Array(n)
  let v = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    await step()
    const column = new Float64Array(n)
    for (let i = j; i < n; i++) column[i] = data[i * n + j]! - (u[i]! * y[j]! + x[i]! * v[j]!)
    d[j] = reflect(left, j, column)
    if (j === n - 1) break

    const down = updateAndMultiply(data, { u, y, x, v }, column, j) // Aᵀ·u
    const row = new Float64Array(n)
    for (let k = j + 1; k < n; k++) {
      down[k]! *= left.tau[j]!
      row[k] = data[j * n + k]! - down[k]!
    }
    e[j] = reflect(right, j, row)

    const along = dot(down, row, 0)
    x = new Float64Array(n)
    for (let i = j + 1; i < n; i++) {
      x[i] = right.tau[j]! * (dot(rowOf(a, i), row, j + 1) - column[i]! * along)
    }
    u = column
    y = down
    v = row
  }
  return { d, e, left, right }
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
