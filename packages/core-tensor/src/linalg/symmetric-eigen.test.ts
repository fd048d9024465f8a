import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { Tensor } from '../tensor/tensor.ts'
import { symmetricEigen } from './symmetric-eigen.ts'
import {
  distance,
  hilbert,
  identityMatrix,
  matrixFrom,
  norm,
  orthogonalityError,
  randomMatrix,
  randomOfRank,
  randomSymmetric,
  remoteMatrix,
  rowsOf,
  scaleColumns,
} from './test-matrices.ts'

async function check(a: Tensor): Promise<Float64Array> {
  const n = a.dims[0]!
  const { values, vectors } = await symmetricEigen(a)
  expect(orthogonalityError(vectors)).toBeLessThan(1e-15 * (n + 10))
  expect(distance(matmul(a, vectors), scaleColumns(vectors, values)) / norm(a)).toBeLessThan(4e-15)
  const found = values.data as Float64Array
  for (let i = 1; i < n; i++) expect(found[i]).toBeLessThanOrEqual(found[i - 1]!)
  return found
}

describe('symmetricEigen', () => {
  it.each([0, 1, 2, 3, 10, 64, 65, 66, 200, 512, 1024])('decomposes a random matrix of n = %i', async n => {
    await check(randomSymmetric(n))
  })

  it('agrees with ml-matrix', async () => {
    const a = randomSymmetric(100)
    const oracle = new EigenvalueDecomposition(new Matrix(rowsOf(a)), { assumeSymmetric: true })
      .realEigenvalues
    const values = await check(a)
    const sorted = oracle.sort((x, y) => y - x)
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(sorted[i]!, 11)
    })
  })

  it('finds the known spectrum of the second difference', async () => {
    const n = 90
    const a = matrixFrom(n, n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0))
    const values = await check(a)
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 13)
    })
  })

  it('handles multiple, zero, graded and extreme eigenvalues', async () => {
    await check(identityMatrix(70))
    await check(matrixFrom(70, 70, () => 0))
    const ones = await check(matrixFrom(70, 70, () => 1))
    expect(ones[0]).toBeCloseTo(70, 11)
    expect(Math.abs(ones[1]!)).toBeLessThan(1e-12)
    const x = randomOfRank(100, 100, 5)
    await check(matmul(x, x, { transposeB: true }))
    await check(hilbert(60))
    await check(matrixFrom(40, 40, (i, j) => 10 ** -(i + j) / (i + j + 1)))
    await check(matrixFrom(40, 40, (i, j) => 10 ** -(78 - i - j) / (i + j + 1)))
    await check(matrixFrom(5, 5, (i, j) => 1e300 * (i === j ? i : 0.1)))
    await check(matrixFrom(5, 5, (i, j) => 1e-300 * (i === j ? i : 0.1)))
  })

  it('reads only the lower triangle, and gives the same bytes twice', async () => {
    const a = randomSymmetric(30)
    const lower = matrixFrom(30, 30, (i, j) => (i >= j ? Number(a.data[i * 30 + j]) : 1e9))
    const one = await symmetricEigen(a)
    const two = await symmetricEigen(lower)
    expect(two.values.data).toEqual(one.values.data)
    expect(two.vectors.data).toEqual(one.vectors.data)
  })

  it('rejects bad input, and stops with the reason of the signal', async () => {
    await expect(symmetricEigen(randomMatrix(2, 3))).rejects.toThrow(ShapeError)
    await expect(symmetricEigen(new Tensor('float64', [Infinity], [1, 1]))).rejects.toThrow(NumericalError)
    await expect(symmetricEigen(remoteMatrix())).rejects.toThrow(DeviceError)
    const reason = new Error('enough')
    await expect(symmetricEigen(randomSymmetric(10), { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })

  it('reports progress to the end', async () => {
    let last = 0
    await symmetricEigen(randomSymmetric(20), { onProgress: (done, total) => (last = done / total) })
    expect(last).toBe(1)
  })
})
