import { pace } from '../job.ts'
import type { Rng } from '../rng.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import { addProduct, filled, type Matrix, normalize, product, requireFinite, zeros } from './matrix.ts'
import { requireWhole } from './options.ts'
import { orthogonalize } from './qr.ts'
import { decompose, type SvdOptions, tripletsOf } from './svd.ts'

export interface RandomizedSvdOptions extends SvdOptions {
  /** Triplets to return. */
  rank: number
  /** Columns of the sketch beyond the rank. Default 8. */
  oversampling?: number | undefined
  /** Multiplications by a·aᵀ that sharpen the decay of the spectrum. Default 2. */
  powerIterations?: number | undefined
  /** Draws the sketch: equal states give equal bytes. Passed in, so that only those who draw carry a generator. */
  rng: Rng
}

/**
 * The largest singular triplets of a matrix, from a random sketch of its range.
 *
 * Use it where rank ≪ min(m, n), as for the low-rank repair of a weight; take {@link svd} for the
 * small singular values or a flat spectrum.
 *
 * With l = rank + oversampling and a Gaussian Ω (n, l): Q spans (a·aᵀ)^p·a·Ω, orthonormalised after
 * every multiplication; then the {@link svd} Û·S·Vᵀ of Qᵀ·a (l, n) gives U = Q·Û. About 4(p + 1)·m·n·l
 * operations (Halko, Martinsson and Tropp, 2011, arXiv:0909.4061, algorithms 4.4 and 5.1).
 *
 * @param a  (m, n)
 * @returns u (m, k), s (k) in descending order and v (n, k) in float64, k = min(m, n, rank)
 * @throws {NumericalError} when an element is not finite
 * @throws {ShapeError} when `a` is not a matrix or an option is not a whole number ≥ 0
 * @example
 * const { s } = await randomizedSvd(new Tensor('float64', [3, 0, 0, 0, 4, 0], [2, 3]), { rank: 1, rng: new Rng(0) })
 * Math.round(Number(s.data[0])) // => 4
 */
export async function randomizedSvd(
  a: TensorLike,
  options: RandomizedSvdOptions,
): Promise<{ u: Tensor; s: Tensor; v: Tensor }> {
  const where = 'linalg/randomizedSvd'
  const tensor = requireFinite(a, where)
  const { rank, oversampling = 8, powerIterations = 2, rng } = options
  requireWhole(where, { rank, oversampling, powerIterations })
  const { device } = tensor
  const [m, n] = tensor.dims as [number, number]
  const l = Math.min(rank + oversampling, m, n)
  const step = pace(options, 2 * powerIterations + 2)
  const turn = () => step(false)
  /** a·x or aᵀ·x */
  const times = (x: Matrix, transposeA = false): Matrix => {
    const y = zeros(transposeA ? n : m, x.columns, device)
    addProduct(y, tensor, x, { transposeA })
    return y
  }
  /** An orthonormal basis of the columns of y. */
  const basis = async (y: Matrix): Promise<Matrix> => {
    normalize(y)
    const { q } = await orthogonalize(y, turn)
    await step()
    return q
  }

  const omega = filled(n, l, device, () => rng.normal())
  let q = await basis(times(omega)) // (m, l)
  for (let i = 0; i < powerIterations; i++) q = await basis(times(await basis(times(q, true))))
  const { u: v, s, v: uHat } = await decompose(times(q, true), rank, turn) // aᵀ·Q (n, l) = V·S·Ûᵀ
  await step()
  return tripletsOf({ u: product(q, uHat), s, v })
}
