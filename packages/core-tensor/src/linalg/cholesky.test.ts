import { CholeskyDecomposition, Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { Tensor } from '../tensor/tensor.ts'
import { cholesky } from './cholesky.ts'
import {
  distance,
  hilbert,
  identityMatrix,
  largestMagnitude,
  matrixFrom,
  randomOfRank,
  randomPositiveDefinite,
  remoteMatrix,
  rowsOf,
} from './test-matrices.ts'

const square = (l: Tensor) => matmul(l, l, { transposeB: true })

describe('cholesky', () => {
  it.each([0, 1, 2, 7, 63, 64, 65, 130, 256, 1024])('gives a lower L with L·Lᵀ = a for n = %i', n => {
    const a = randomPositiveDefinite(n)
    const l = cholesky(a)
    expect(distance(square(l), a)).toBeLessThanOrEqual(4e-16 * n * largestMagnitude(a))
    const data = l.data as Float64Array
    for (let i = 0; i < n; i++) {
      expect(data[i * n + i]).toBeGreaterThan(0)
      for (let j = i + 1; j < n; j++) if (data[i * n + j] !== 0) expect.fail(`(${i}, ${j}) is not 0`)
    }
  })

  it('agrees with ml-matrix', () => {
    const a = randomPositiveDefinite(100)
    const oracle = new CholeskyDecomposition(new Matrix(rowsOf(a))).lowerTriangularMatrix
    expect(
      distance(
        cholesky(a),
        matrixFrom(100, 100, (i, j) => oracle.get(i, j)),
      ),
    ).toBeLessThan(1e-12)
  })

  it('reads only the lower triangle, leaves its input alone, and widens float32', () => {
    const a = new Tensor('float32', [4, 99, 2, 5], [2, 2])
    expect(Array.from(cholesky(a).data as Float64Array)).toEqual([2, 0, 1, 2])
    expect(cholesky(a).type).toBe('float64')
    expect(Array.from(a.data as Float32Array)).toEqual([4, 99, 2, 5])
  })

  it('factors an ill-conditioned matrix to a small residual', () => {
    expect(distance(square(cholesky(hilbert(12))), hilbert(12))).toBeLessThan(1e-15)
  })

  it('adds damping as a fraction of the mean diagonal', () => {
    const a = new Tensor('float64', [1, 0, 0, 3], [2, 2])
    const damped = square(cholesky(a, { damping: 0.5 }))
    expect(
      distance(
        damped,
        matrixFrom(
          2,
          2,
          (i, j) =>
            [
              [2, 0],
              [0, 4],
            ][i]![j]!,
        ),
      ),
    ).toBeLessThan(1e-15)
  })

  it('rescues a matrix of deficient rank by damping', () => {
    const x = randomOfRank(150, 150, 40)
    const a = matmul(x, x, { transposeA: true })
    expect(() => cholesky(a)).toThrow(NumericalError)
    expect(() => cholesky(a, { damping: 0.01 })).not.toThrow()
  })

  it('names the pivot that is not positive, past the first block too', () => {
    expect(() => cholesky(new Tensor('float64', [1, 2, 2, 1], [2, 2]))).toThrow(/pivot -3 at index 1/)
    const a = matrixFrom(100, 100, (i, j) => (i !== j ? 0 : i === 90 ? -0.5 : 1))
    expect(() => cholesky(a)).toThrow(/pivot -0.5 at index 90/)
    expect(() => cholesky(matrixFrom(2, 2, () => 0))).toThrow(/pivot 0 at index 0/)
  })

  it('rejects what is not a finite square matrix on a host', () => {
    expect(() => cholesky(matrixFrom(2, 3, () => 1))).toThrow(ShapeError)
    expect(() => cholesky(new Tensor('float64', [1], [1, 1, 1]))).toThrow(ShapeError)
    expect(() => cholesky(new Tensor('float64', [1, 0, Number.NaN, 1], [2, 2]))).toThrow(/NaN at \(1, 0\)/)
    expect(() => cholesky(new Tensor('float64', [Infinity], [1, 1]))).toThrow(NumericalError)
    expect(() => cholesky(identityMatrix(2), { damping: -1 })).toThrow(ShapeError)
    expect(() => cholesky(remoteMatrix())).toThrow(DeviceError)
  })
})
