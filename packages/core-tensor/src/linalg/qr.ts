import { type JobOptions, pace } from '../job.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { BLOCK, block, type Matrix, matrixOf, normalize, rescale, tensorOf } from './matrix.ts'
import { applyReflector, applyReflectors, formQ, reflect, reflectorsOf } from './reflectors.ts'

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
  const scale = normalize(matrix)
  const step = pace(options, 2 * Math.ceil(Math.min(matrix.rows, matrix.columns) / BLOCK))
  const { q, r } = await orthogonalize(matrix, step)
  rescale(r.data, scale, 'linalg/qr')
  return { q: tensorOf(q), r: tensorOf(r) }
}

/** The thin QR of a matrix whose elements are at most 1, in two steps for each block; overwrites it. */
export async function orthogonalize(a: Matrix, step: () => Promise<void>): Promise<{ q: Matrix; r: Matrix }> {
  const { data, rows: m, columns: n } = a
  const k = Math.min(m, n)
  const reflectors = reflectorsOf(m, k, 0, a.device)
  const { vectors, tau } = reflectors
  for (let j = 0; j < k; j += BLOCK) {
    const width = Math.min(BLOCK, k - j)
    for (let c = j; c < j + width; c++) {
      const v = new Float64Array(m)
      for (let i = c; i < m; i++) {
        v[i] = data[i * n + c]!
        data[i * n + c] = 0
      }
      data[c * n + c] = reflect(reflectors, c, v)
      applyReflector(v.subarray(c), tau[c]!, block(a, [c, c + 1], m - c, j + width - c - 1))
    }
    const right = block(a, [j, j + width], m - j, n - j - width)
    applyReflectors(block(vectors, [j, j], m - j, width), tau.subarray(j, j + width), right, true)
    await step()
  }
  const q = await formQ(reflectors, k, step)
  return { q, r: { ...a, rows: k, data: data.slice(0, k * n) } }
}
