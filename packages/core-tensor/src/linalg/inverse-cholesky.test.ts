import { CholeskyDecomposition, inverse, Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { Tensor } from '../tensor/tensor.ts'
import { cholesky } from './cholesky.ts'
import { inverseCholesky } from './inverse-cholesky.ts'
import {
  distance,
  hilbert,
  identityMatrix,
  largestMagnitude,
  matrixFrom,
  randomMatrix,
  randomPositiveDefinite,
  remoteMatrix,
  rowsOf,
} from './test-matrices.ts'

describe('inverseCholesky', () => {
  it.each([0, 1, 2, 7, 63, 64, 65, 130, 512])('gives an upper U with Uᵀ·U·a = 1 for n = %i', n => {
    const a = randomPositiveDefinite(n)
    const u = inverseCholesky(a)
    const product = matmul(matmul(u, u, { transposeA: true }), a)
    expect(distance(product, identityMatrix(n))).toBeLessThanOrEqual(1e-15 * n * largestMagnitude(a))
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) if (u.data[i * n + j] !== 0) expect.fail(`(${i}, ${j}) is not 0`)
    }
  })

  it('agrees with the factor of the explicit inverse, as ml-matrix computes it', () => {
    const a = randomPositiveDefinite(60)
    const explicit = inverse(new Matrix(rowsOf(a)))
    const symmetric = explicit.add(explicit.transpose()).mul(0.5)
    const lower = new CholeskyDecomposition(symmetric).lowerTriangularMatrix
    const oracle = matrixFrom(60, 60, (i, j) => lower.get(j, i))
    expect(distance(inverseCholesky(a), oracle)).toBeLessThan(1e-10)
  })

  it('whitens an ill-conditioned matrix', () => {
    const a = hilbert(8) // condition number 1.5e10
    const u = inverseCholesky(a)
    const whitened = matmul(matmul(u, a), u, { transposeB: true })
    expect(distance(whitened, identityMatrix(8))).toBeLessThan(1e-6)
  })

  it('takes damping as cholesky does', () => {
    const a = randomPositiveDefinite(10)
    const damped = matmul(cholesky(a, { damping: 0.1 }), cholesky(a, { damping: 0.1 }), { transposeB: true })
    expect(distance(inverseCholesky(a, { damping: 0.1 }), inverseCholesky(damped))).toBeLessThan(1e-13)
  })

  it('names the pivot by its place in the matrix, and rejects bad input', () => {
    const a = matrixFrom(70, 70, (i, j) => (i !== j ? 0 : i === 2 ? -1 : 1))
    expect(() => inverseCholesky(a)).toThrow(/pivot -1 at index 2/)
    expect(() => inverseCholesky(randomMatrix(2, 3))).toThrow(ShapeError)
    expect(() => inverseCholesky(new Tensor('float64', [Number.NaN], [1, 1]))).toThrow(NumericalError)
    expect(() => inverseCholesky(remoteMatrix())).toThrow(DeviceError)
  })
})
