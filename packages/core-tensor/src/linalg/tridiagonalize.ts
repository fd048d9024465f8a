import { type Matrix, rowOf } from './matrix.ts'
import { type Reflectors, reflect, reflectorsOf } from './reflectors.ts'
import { updateAndMultiply } from './update-and-multiply.ts'

export interface Tridiagonal {
  /** (n) the diagonal */
  readonly d: Float64Array
  /** (n) beside it, the last 0 */
  readonly e: Float64Array
  /** Q */
  readonly reflectors: Reflectors
}

/**
 * Qᵀ·a·Q, tridiagonal, of a symmetric matrix, which it overwrites. Each step makes the update A − v·wᵀ − w·vᵀ of the step before in the pass that multiplies by its own v.
 */
export async function tridiagonalize(a: Matrix, step: () => Promise<void>): Promise<Tridiagonal> {
  const { data, rows: n } = a
  const d = new Float64Array(n)
  const e = new Float64Array(n)
  const reflectors = reflectorsOf(n, Math.max(n - 1, 0), 1, a.device)
  // The update A − v·wᵀ − w·vᵀ that is still to be made.
  let v = new Float64Array(n)
  let w = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    await step()
    const row = rowOf(a, j).slice()
    for (let k = j; k < n; k++) row[k]! -= v[j]! * w[k]! + w[j]! * v[k]!
    d[j] = row[j]!
    if (j === n - 1) break
    row.fill(0, 0, j + 1)
    e[j] = reflect(reflectors, j, row)
    const factor = reflectors.tau[j]!
    // (A − v·wᵀ − w·vᵀ)·row, of a matrix that is its own transpose to the last bit
    const product = updateAndMultiply(data, { u: v, y: w, x: w, v }, row, j)
    let along = 0
    for (let i = j + 1; i < n; i++) along += product[i]! * row[i]!
    for (let i = j + 1; i < n; i++) product[i] = factor * (product[i]! - (factor / 2) * along * row[i]!)
    v = row
    w = product
  }
  return { d, e, reflectors }
}
