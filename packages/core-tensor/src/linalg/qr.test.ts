import { Matrix, QrDecomposition } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { Tensor } from '../tensor/tensor.ts'
import { qr } from './qr.ts'
import {
  distance,
  hilbert,
  matrixFrom,
  orthogonalityError,
  randomMatrix,
  randomOfRank,
  remoteMatrix,
  rowsOf,
} from './test-matrices.ts'

describe('qr', () => {
  it.each([
    [0, 0],
    [0, 3],
    [3, 0],
    [1, 1],
    [1, 5],
    [5, 1],
    [63, 65],
    [65, 64],
    [200, 70],
    [70, 200],
    [1024, 1024],
  ])('decomposes a random matrix of %i by %i', async (m, n) => {
    const a = randomMatrix(m, n)
    const { q, r } = await qr(a)
    const k = Math.min(m, n)
    expect(q.dims).toEqual([m, k])
    expect(r.dims).toEqual([k, n])
    expect(distance(matmul(q, r), a)).toBeLessThan(1e-13)
    expect(orthogonalityError(q)).toBeLessThan(1e-14)
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < i; j++) if (r.data[i * n + j] !== 0) expect.fail(`(${i}, ${j}) is not 0`)
    }
  })

  it('agrees with ml-matrix up to signs', async () => {
    const a = randomMatrix(80, 70)
    const { r } = await qr(a)
    const oracle = new QrDecomposition(new Matrix(rowsOf(a))).upperTriangularMatrix
    const magnitudes = matrixFrom(70, 70, (i, j) => Math.abs(oracle.get(i, j)))
    expect(
      distance(
        matrixFrom(70, 70, (i, j) => Math.abs(Number(r.data[i * 70 + j]))),
        magnitudes,
      ),
    ).toBeLessThan(1e-12)
  })

  it.each([
    ['ill-conditioned', hilbert(100)],
    ['of deficient rank', randomOfRank(120, 90, 10)],
    ['zero', matrixFrom(70, 66, () => 0)],
    ['huge', matrixFrom(5, 5, (i, j) => 1e300 * (i - j + 0.5))],
    ['tiny', matrixFrom(5, 5, (i, j) => 1e-300 * (i - j + 0.5))],
  ])('keeps q orthonormal for a matrix that is %s', async (_, a) => {
    const { q, r } = await qr(a)
    expect(orthogonalityError(q)).toBeLessThan(1e-14)
    const largest = Math.max(...(a.data as Float64Array).map(Math.abs), Number.MIN_VALUE)
    expect(distance(matmul(q, r), a) / largest).toBeLessThan(1e-13)
  })

  it('rejects bad input', async () => {
    await expect(qr(new Tensor('float64', [1], [1]))).rejects.toThrow(ShapeError)
    await expect(qr(matrixFrom(2, 2, () => Number.NaN))).rejects.toThrow(NumericalError)
    await expect(qr(remoteMatrix())).rejects.toThrow(DeviceError)
  })

  it('reports progress to the end, and stops with the reason of the signal', async () => {
    const seen: number[] = []
    await qr(randomMatrix(200, 130), { onProgress: (done, total) => seen.push(done / total) })
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map(step => step / 6))
    const stop = new AbortController()
    const run = qr(randomMatrix(300, 300), { signal: stop.signal, onProgress: () => stop.abort('enough') })
    await expect(run).rejects.toBe('enough')
  })
})
