import { NumericalError } from '../errors.ts'
import type { JobOptions } from '../job.ts'
import { asTensor, type Tensor, type TensorLike } from '../tensor.ts'
import { ColumnRotations } from './column-rotations.ts'
import { columnsOf, normalise, rescale, squareOf, tensorOf, VANISHING } from './matrix.ts'
import { pace } from './pace.ts'
import { formQ } from './reflectors.ts'
import { tridiagonalise } from './tridiagonalise.ts'

/** Three are usual at most; the limit is there so that nothing can hang. */
const SWEEPS = 60

/**
 * The eigenvalues and eigenvectors of a symmetric matrix: a·V = V·Λ with orthonormal V.
 *
 * Use it for principal components and for matrices that are not definite; for the singular values
 * of a weight take {@link svd}, which squares nothing.
 *
 * Householder reduction to tridiagonal form, each step one pass A ← A − v·wᵀ − w·vᵀ that also
 * multiplies by the next v; then QL sweeps with Wilkinson's implicit shift, whose rotations reach
 * V in batches (Golub and Van Loan, Matrix Computations, 4th edition, 2013, section 8.3). About 8n³
 * operations; the residual and the orthogonality are within a few n·2⁻⁵²·‖a‖.
 *
 * @param a  (n, n) of which only the lower triangle is read
 * @returns values (n) in descending order and vectors (n, n) as columns, in float64
 * @throws {NumericalError} when an element is not finite
 * @throws {ShapeError} when `a` is not square
 * @example
 * const a = new Tensor('float64', [2, 1, 1, 2], [2, 2])
 * const { values } = await symmetricEigen(a)
 * Math.round(Number(values.data[0])) // => 3
 */
export async function symmetricEigen(
  a: TensorLike,
  options: JobOptions = {},
): Promise<{ values: Tensor; vectors: Tensor }> {
  const matrix = squareOf(a, 'linalg/symmetricEigen')
  const { device, rows: n } = matrix
  const scale = normalise(matrix)
  const reached = pace(options, 2 * n)
  let done = 0
  const step = () => reached(++done)

  const { d, e, reflectors } = await tridiagonalise(matrix, step)
  const vectors = await formQ(reflectors, n, () => reached(done))
  await diagonalise(d, e, new ColumnRotations(vectors), step)

  const order = Array.from(d.keys()).sort((i, j) => d[j]! - d[i]!)
  const values = Float64Array.from(order, i => d[i]!)
  rescale(values, scale, 'linalg/symmetricEigen')
  return {
    values: asTensor({ type: 'float64', dims: [n], data: values }, device),
    vectors: tensorOf(columnsOf(vectors, order)),
  }
}

/** QL sweeps from the bottom of each unreduced block to its top, until d holds the eigenvalues. */
async function diagonalise(
  d: Float64Array,
  e: Float64Array,
  rotations: ColumnRotations,
  step: () => Promise<void>,
): Promise<void> {
  const n = d.length
  let norm = 0
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!))
  const negligible = Number.EPSILON * norm
  for (let top = 0; top < n; top++) {
    for (let sweep = 0; ; sweep++) {
      let bottom = top
      while (bottom < n - 1 && Math.abs(e[bottom]!) > negligible) bottom++
      if (bottom === top) break
      if (sweep === SWEEPS) {
        throw new NumericalError(`[linalg/symmetricEigen] expected convergence in ${SWEEPS} sweeps a value`)
      }
      const p = (d[top + 1]! - d[top]!) / (2 * e[top]!)
      const root = Math.sqrt(p * p + 1)
      let g = d[bottom]! - d[top]! + e[top]! / (p < 0 ? p - root : p + root)
      let c = 1
      let s = 1
      let shift = 0
      let i = bottom - 1
      for (; i >= top; i--) {
        const f = s * e[i]!
        const b = c * e[i]!
        const squares = f * f + g * g
        const r = squares < VANISHING ? 0 : Math.sqrt(squares)
        e[i + 1] = r
        if (r === 0) break // The block has come apart here.
        s = f / r
        c = g / r
        const held = d[i + 1]! - shift
        const turned = (d[i]! - held) * s + 2 * c * b
        shift = s * turned
        d[i + 1] = held + shift
        g = c * turned - b
        rotations.rotate(i, c, -s)
      }
      d[i + 1]! -= shift
      if (i < top) e[top] = g
      e[bottom] = 0
    }
    await step()
  }
  rotations.flush()
}
