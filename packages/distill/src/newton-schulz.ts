import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/** Coefficients that push singular values up fastest (Jordan et al., 2024): they end between 0.7 and 1.2, not at 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const

/**
 * The orthogonal factor of a matrix, roughly: U·Vᵀ of its singular value decomposition U·Σ·Vᵀ, with
 * singular values near 1 in place of Σ. Each iteration is X ← (a·I + b·X·Xᵀ + c·(X·Xᵀ)²)·X, from X = G / ‖G‖.
 *
 * @param matrix  (rows, columns)
 * @param options.iterations  5 by default
 * @returns a new matrix; zeros for zeros
 * @throws {ShapeError} for anything but a matrix
 * @example
 * const stretched = new Tensor('float64', [3, 0, 0, 0.5], [2, 2])
 * newtonSchulz(stretched).dims // => [2, 2]
 */
export function newtonSchulz(matrix: Tensor, { iterations = 5 }: { iterations?: number } = {}): Tensor {
  const [rows = 0, columns = 0] = matrix.dims
  if (matrix.dims.length !== 2)
    throw new ShapeError(`[distill/newton-schulz] expected a matrix, got [${matrix.dims}]`)
  const where = 'distill/newton-schulz'
  const wide = rows <= columns
  const size = Math.min(rows, columns)
  return matrix.device.scope(() => {
    let squares = 0
    for (const value of floatData(matrix, where)) squares += value * value
    let x = matrix.device.empty(matrix.type, matrix.dims)
    const scale = 1 / (Math.sqrt(squares) + 1e-30)
    const start = floatData(x, where)
    const given = floatData(matrix, where)
    for (let i = 0; i < start.length; i++) start[i] = given[i]! * scale
    for (let i = 0; i < iterations; i++) {
      // The smaller of X·Xᵀ and Xᵀ·X; the polynomial is the same on either side.
      const gram = matmul(x, x, wide ? { transposeB: true } : { transposeA: true })
      const factor = matmul(gram, gram)
      const g = floatData(gram, where)
      const f = floatData(factor, where)
      for (let at = 0; at < f.length; at++) {
        f[at] = C * f[at]! + B * g[at]! + (at % (size + 1) === 0 ? A : 0)
      }
      x = wide ? matmul(factor, x) : matmul(x, factor)
    }
    return x
  })
}
