import type { JobOptions } from '../job.ts'
import type { Tensor, TensorLike } from '../tensor.ts'
import { BLOCK, block, type Matrix, matrixOf, normalise, rescale, tensorOf, zeros } from './matrix.ts'
import { pace } from './pace.ts'
import { applyReflector, applyReflectors, formQ, reflect } from './reflectors.ts'

/**
 * The thin QR decomposition: a = q·r with orthonormal columns in q and an upper triangular r.
 *
 * Use it for orthonormal bases and least squares; it needs no condition on the rank, and does not
 * reveal it (that is {@link svd}).
 *
 * Householder reflections: column by column within a block, then A ← (I − V·T·Vᵀ)ᵀ·A for the
 * columns to its right by matmul (Schreiber and Van Loan, 1989). The diagonal of r takes either sign.
 *
 * @param a  (m, n)
 * @returns q (m, k) and r (k, n) in float64, k = min(m, n)
 * @throws {NumericalError} when an element is not finite
 * @throws {ShapeError} when `a` is not a matrix
 * @example
 * const { q, r } = await qr(new Tensor('float64', [3, 4], [2, 1]))
 * r.data // => Float64Array [-5]
 */
export async function qr(a: TensorLike, options: JobOptions = {}): Promise<{ q: Tensor; r: Tensor }> {
  const matrix = matrixOf(a, 'linalg/qr')
  const scale = normalise(matrix)
  const reached = pace(options, 2 * Math.ceil(Math.min(matrix.rows, matrix.columns) / BLOCK))
  let done = 0
  const { q, r } = await orthogonalise(matrix, () => reached(++done))
  rescale(r.data, scale, 'linalg/qr')
  return { q: tensorOf(q), r: tensorOf(r) }
}

/** The thin QR of a matrix whose elements are at most 1, in two steps for each block; overwrites it. */
export async function orthogonalise(a: Matrix, step: () => Promise<void>): Promise<{ q: Matrix; r: Matrix }> {
  const { data, rows: m, columns: n } = a
  const k = Math.min(m, n)
  const v = zeros(m, k, a.device)
  const tau = new Float64Array(k)
  for (let j = 0; j < k; j += BLOCK) {
    const width = Math.min(BLOCK, k - j)
    for (let c = j; c < j + width; c++) {
      const x = Float64Array.from({ length: m - c }, (_, i) => data[(c + i) * n + c]!)
      const { tau: factor, beta } = reflect(x)
      tau[c] = factor
      applyReflector(x, factor, block(a, [c, c + 1], m - c, j + width - c - 1))
      for (let i = c; i < m; i++) {
        v.data[i * k + c] = x[i - c]!
        data[i * n + c] = i === c ? beta : 0
      }
    }
    const right = block(a, [j, j + width], m - j, n - j - width)
    applyReflectors(block(v, [j, j], m - j, width), tau.subarray(j, j + width), right, true)
    await step()
  }
  const q = await formQ({ vectors: v, tau, below: 0 }, k, step)
  return { q, r: { ...a, rows: k, data: data.slice(0, k * n) } }
}
