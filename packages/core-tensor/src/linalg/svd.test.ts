import fc from 'fast-check'
import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { Tensor } from '../tensor/tensor.ts'
import { svd } from './svd.ts'
import {
  distance,
  hilbert,
  matrixFrom,
  norm,
  orthogonalityError,
  randomMatrix,
  randomOfRank,
  remoteMatrix,
  rowsOf,
  scaleColumns,
} from './test-matrices.ts'

async function check(a: Tensor): Promise<Float64Array> {
  const [m, n] = a.dims as [number, number]
  const k = Math.min(m, n)
  const { u, s, v } = await svd(a)
  expect([u.dims, s.dims, v.dims]).toEqual([[m, k], [k], [n, k]])
  const bound = 1e-15 * (k + 10)
  expect(orthogonalityError(u)).toBeLessThan(bound)
  expect(orthogonalityError(v)).toBeLessThan(bound)
  const back = matmul(scaleColumns(u, s), v, { transposeB: true })
  expect(distance(back, a) / norm(a)).toBeLessThan(4e-15)
  const values = s.data as Float64Array
  values.forEach((value, i) => {
    expect(value).toBeGreaterThanOrEqual(values[i + 1] ?? 0)
  })
  return values
}

describe('svd', () => {
  it.each([
    [0, 0],
    [0, 4],
    [4, 0],
    [1, 1],
    [1, 6],
    [6, 1],
    [2, 2],
    [64, 65],
    [66, 65],
    [200, 50],
    [50, 200],
    [200, 200],
    [1024, 1024],
  ])('decomposes a random matrix of %i by %i', async (m, n) => {
    await check(randomMatrix(m, n))
  })

  it('agrees with ml-matrix', async () => {
    const a = randomMatrix(90, 70)
    const oracle = new SingularValueDecomposition(new Matrix(rowsOf(a))).diagonal
    const values = await check(a)
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(oracle[i]!, 11)
    })
  })

  it('finds the singular values that a matrix was made from', async () => {
    const n = 60
    const u = (await svd(randomMatrix(80, n, 1))).u
    const v = (await svd(randomMatrix(n, n, 2))).u
    const s = new Tensor(
      'float64',
      Array.from({ length: n }, (_, i) => 2 ** -i),
      [n],
    )
    const values = await check(matmul(scaleColumns(u, s), v, { transposeB: true }))
    values.forEach((value, i) => {
      expect(Math.abs(value - 2 ** -i)).toBeLessThan(2e-15)
    })
  })

  it('handles zero, multiple, graded, defective and extreme singular values', async () => {
    await check(matrixFrom(70, 70, () => 0))
    await check(matrixFrom(70, 66, () => 1))
    await check(matrixFrom(70, 70, (i, j) => (i === j ? -1 : 0)))
    await check(matrixFrom(70, 70, (i, j) => (j === i + 1 ? 1 : 0)))
    await check(matrixFrom(70, 70, (i, j) => (j === i + 1 || (j === i && i % 7 !== 3) ? 1 : 0)))
    await check(matrixFrom(40, 40, (i, j) => 10 ** -(i + j)))
    await check(matrixFrom(40, 40, (i, j) => 10 ** (i + j - 78) / (i + j + 1)))
    await check(
      matrixFrom(40, 40, (i, j) => (j === i ? 10 ** (-4 * i) : j === i + 1 ? 10 ** (-4 * i - 2) : 0)),
    )
    await check(
      matrixFrom(40, 40, (i, j) => (j === i ? 10 ** (4 * i - 160) : j === i + 1 ? 10 ** (4 * i - 158) : 0)),
    )
    await check(hilbert(60))
    await check(matrixFrom(6, 4, (i, j) => 1e300 * (i - j + 0.5)))
    await check(matrixFrom(6, 4, (i, j) => 1e-300 * (i - j + 0.5)))
  })

  it('shows the numerical rank', async () => {
    const values = await check(randomOfRank(130, 100, 17))
    expect(values.filter(value => value > 1e-10 * values[0]!)).toHaveLength(17)
  })

  it('decomposes small matrices of any integers', async () => {
    const matrix = fc.integer({ min: 1, max: 6 }).chain(columns =>
      fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: columns, maxLength: columns }), {
        minLength: 1,
        maxLength: 6,
      }),
    )
    await fc.assert(
      fc.asyncProperty(matrix, async rows => {
        await check(matrixFrom(rows.length, rows[0]!.length, (i, j) => rows[i]![j]!))
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  it('keeps the largest triplets, which approximate best', async () => {
    const a = randomMatrix(50, 40)
    const all = await svd(a)
    const { u, s, v } = await svd(a, { rank: 10 })
    expect([u.dims, s.dims, v.dims]).toEqual([[50, 10], [10], [40, 10]])
    expect(s.data).toEqual(all.s.data.slice(0, 10))
    const back = matmul(scaleColumns(u, s), v, { transposeB: true })
    const squared = (a.data as Float64Array).reduce((sum, x, i) => sum + (x - Number(back.data[i])) ** 2, 0)
    const rest = (all.s.data as Float64Array).slice(10).reduce((sum, x) => sum + x * x, 0)
    expect(squared).toBeCloseTo(rest, 9) // Eckart and Young, 1936
    expect((await svd(a, { rank: 99 })).s.dims).toEqual([40])
    expect((await svd(a, { rank: 0 })).u.dims).toEqual([50, 0])
  })

  it('rejects bad input, and stops with the reason of the signal', async () => {
    await expect(svd(new Tensor('float64', [1], [1]))).rejects.toThrow(ShapeError)
    await expect(svd(randomMatrix(3, 3), { rank: 1.5 })).rejects.toThrow(/rank/)
    await expect(svd(matrixFrom(2, 2, () => Number.NaN))).rejects.toThrow(NumericalError)
    await expect(svd(matrixFrom(9, 9, () => 1.7e308))).rejects.toThrow(/overflow/)
    await expect(svd(remoteMatrix())).rejects.toThrow(DeviceError)
    const stop = new AbortController()
    const run = svd(randomMatrix(60, 60), {
      signal: stop.signal,
      onProgress: done => done === 70 && stop.abort('enough'),
    })
    await expect(run).rejects.toBe('enough')
  })

  it('reports progress to the end', async () => {
    let last = 0
    await svd(randomMatrix(30, 20), { onProgress: (done, total) => (last = done / total) })
    expect(last).toBe(1)
  })
})
