import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/** Coefficients that push singular values up fastest (Jordan et al., 2024): they end between 0.7 and 1.2, not at 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const

/**
 * The orthogonal factor of a matrix, roughly: U·Vᵀ of its singular value decomposition U·Σ·Vᵀ, with
 * singular values near 1 in place of Σ. Each iteration is X ← (a·I + b·X·Xᵀ + c·(X·Xᵀ)²)·X, from X = G / ‖G‖.
 *
 * @param matrix  (…, rows, columns): each matrix of a batch on its own
 * @param options.iterations  5 by default
 * @returns new matrices; zeros for zeros
 * @throws {ShapeError} for anything with fewer than two axes
 * @example
 * const stretched = new Tensor('float64', [3, 0, 0, 0.5], [2, 2])
 * newtonSchulz(stretched).dims // => [2, 2]
 */
export function newtonSchulz(
  matrix: Tensor,
  { iterations = 5 }: { iterations?: number | undefined } = {},
): Tensor {
  const [rows, columns] = matrix.dims.slice(-2)
  if (rows === undefined || columns === undefined)
    throw new ShapeError(`[distill/newton-schulz] expected matrices, got [${matrix.dims}]`)
  const where = 'distill/newton-schulz'
  const wide = rows <= columns
  return matrix.device.scope(() => {
    let x = matrix.device.empty(matrix.type, matrix.dims)
    normalize(floatData(matrix, where), floatData(x, where), rows * columns)
    for (let i = 0; i < iterations; i++) {
      // The smaller of X·Xᵀ and Xᵀ·X; the polynomial is the same on either side.
      const gram = matmul(x, x, wide ? { transposeB: true } : { transposeA: true })
      const factor = matmul(gram, gram)
      combine(floatData(factor, where), floatData(gram, where), Math.min(rows, columns))
      x = wide ? matmul(factor, x) : matmul(x, factor)
    }
    return x
  })
}

type Floats = Float32Array | Float64Array

/** Each matrix of `size` elements over its norm. */
function normalize(from: Floats, to: Floats, size: number): void {
  for (let start = 0; start < from.length; start += size) {
    let squares = 0
    for (let i = start; i < start + size; i++) squares += from[i]! * from[i]!
    const scale = 1 / (Math.sqrt(squares) + 1e-30)
    for (let i = start; i < start + size; i++) to[i] = from[i]! * scale
  }
}

/** factor ← a·I + b·gram + c·factor, for square matrices of `size` rows. */
function combine(factor: Floats, gram: Floats, size: number): void {
  for (let i = 0; i < factor.length; i++) factor[i] = C * factor[i]! + B * gram[i]!
  for (let start = 0; start < factor.length; start += size * size)
    for (let i = 0; i < size; i++) factor[start + i * (size + 1)]! += A
}
