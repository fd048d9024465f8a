import { addProduct, BLOCK, block, identity, type Matrix, product, VANISHING, zeros } from './matrix.ts'

/** Hⱼ = I − τⱼ·vⱼ·vⱼᵀ for every column vⱼ, which has its one in row j + `below` and zeros above. */
export interface Reflectors {
  /** (m, k) */
  readonly vectors: Matrix
  /** (k) */
  readonly tau: Float64Array
  readonly below: 0 | 1
}

/**
 * Overwrites x with v, v[0] = 1, so that H·x = β·e₁ for H = I − τ·v·vᵀ (Householder, 1958).
 * τ is 0, and H the identity, where x is a multiple of e₁ already, next to elements near 1.
 */
export function reflect(x: Float64Array): { tau: number; beta: number } {
  const alpha = x[0]!
  let tail = 0
  for (let i = 1; i < x.length; i++) tail += x[i]! * x[i]!
  x[0] = 1
  if (tail < VANISHING) {
    x.fill(0, 1)
    return { tau: 0, beta: alpha }
  }
  const norm = Math.sqrt(alpha * alpha + tail)
  const beta = alpha > 0 ? -norm : norm
  for (let i = 1; i < x.length; i++) x[i]! /= alpha - beta
  return { tau: (beta - alpha) / beta, beta }
}

/** c ← H·c for one reflector. */
export function applyReflector(v: Float64Array, tau: number, c: Matrix): void {
  const projection = new Float64Array(c.columns) // vᵀ·c
  for (let i = 0; i < c.rows; i++) {
    const row = c.offset + i * c.stride
    for (let j = 0; j < c.columns; j++) projection[j]! += v[i]! * c.data[row + j]!
  }
  for (let i = 0; i < c.rows; i++) {
    const row = c.offset + i * c.stride
    const factor = tau * v[i]!
    for (let j = 0; j < c.columns; j++) c.data[row + j]! -= factor * projection[j]!
  }
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
