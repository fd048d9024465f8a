import type { Device } from '../device/device.ts'
import {
  addProduct,
  addScaled,
  BLOCK,
  block,
  identity,
  type Matrix,
  product,
  rowOf,
  VANISHING,
  zeros,
} from './matrix.ts'

/** Hⱼ = I − τⱼ·vⱼ·vⱼᵀ for every column vⱼ, which has its one in row j + `below` and zeros above. */
export interface Reflectors {
  /** (m, k) */
  readonly vectors: Matrix
  /** (k) */
  readonly tau: Float64Array
  readonly below: 0 | 1
}

/** Room for k reflectors of m elements. */
export function reflectorsOf(m: number, k: number, below: 0 | 1, device: Device): Reflectors {
  return { vectors: zeros(m, k, device), tau: new Float64Array(k), below }
}

/**
 * Overwrites x, which is zero before i = j + `below`, with vⱼ, vⱼ[i] = 1, so that Hⱼ·x = β·eᵢ
 * (Householder, 1958), and keeps it. τⱼ is 0, and Hⱼ the identity, where x is a multiple of eᵢ
 * already, next to elements near 1.
 *
 * @returns β
 */
export function reflect({ vectors, tau, below }: Reflectors, j: number, x: Float64Array): number {
  const start = j + below
  const alpha = x[start]!
  let beta = alpha
  let tail = 0
  for (let i = start + 1; i < x.length; i++) tail += x[i]! * x[i]!
  x[start] = 1
  if (tail < VANISHING) x.fill(0, start + 1)
  else {
    const norm = Math.sqrt(alpha * alpha + tail)
    beta = alpha > 0 ? -norm : norm
    for (let i = start + 1; i < x.length; i++) x[i]! /= alpha - beta
    tau[j] = (beta - alpha) / beta
  }
  for (let i = start; i < x.length; i++) vectors.data[i * vectors.columns + j] = x[i]!
  return beta
}

/** c ← H·c for one reflector. */
export function applyReflector(v: Float64Array, tau: number, c: Matrix): void {
  const projection = new Float64Array(c.columns) // vᵀ·c
  for (let i = 0; i < c.rows; i++) addScaled(projection, v[i]!, rowOf(c, i))
  for (let i = 0; i < c.rows; i++) addScaled(rowOf(c, i), -tau * v[i]!, projection)
}

/**
 * c ← Q·c (or Qᵀ·c) for Q = H₀·H₁·… = I − V·T·Vᵀ, the compact WY form (Schreiber and Van Loan, 1989).
 *
 * @param v  (m, w) the vectors as columns, zero above their ones on the diagonal
 * @param tau  (w)
 */
export function applyReflectors(v: Matrix, tau: Float64Array, c: Matrix, transpose = false): void {
  const w = v.columns
  const overlaps = product(v, v, { transposeA: true })
  const t = zeros(w, w, v.device)
  for (let j = 0; j < w; j++) {
    t.data[j * w + j] = tau[j]!
    // T[:j, j] = −τⱼ·T[:j, :j]·V[:, :j]ᵀ·vⱼ
    for (let i = 0; i < j; i++) {
      let sum = 0
      for (let p = i; p < j; p++) sum += t.data[i * w + p]! * overlaps.data[p * w + j]!
      t.data[i * w + j] = -tau[j]! * sum
    }
  }
  const projection = product(v, c, { transposeA: true })
  const weighted = product(t, projection, { transposeA: transpose })
  addProduct(c, v, weighted, { factor: -1 })
}

/** The first columns of Q = H₀·H₁·…, last block first, so that it grows from the identity's corner. */
export async function formQ(
  { vectors, tau, below }: Reflectors,
  columns: number,
  step: () => Promise<void>,
): Promise<Matrix> {
  const m = vectors.rows
  const q = identity(m, columns, vectors.device)
  for (let j = Math.floor((tau.length - 1) / BLOCK) * BLOCK; j >= 0; j -= BLOCK) {
    const width = Math.min(BLOCK, tau.length - j)
    const from = j + below
    const corner = block(q, [from, from], m - from, columns - from)
    applyReflectors(block(vectors, [from, j], m - from, width), tau.subarray(j, j + width), corner)
    await step()
  }
  return q
}
