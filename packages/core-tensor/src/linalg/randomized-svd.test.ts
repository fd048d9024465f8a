import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { matmul } from '../reference/matmul.ts'
import { Rng } from '../rng.ts'
import { Tensor } from '../tensor/tensor.ts'
import { randomizedSvd } from './randomized-svd.ts'
import { svd } from './svd.ts'
import {
  distance,
  matrixFrom,
  orthogonalityError,
  randomMatrix,
  randomOfRank,
  remoteMatrix,
  scaleColumns,
} from './test-matrices.ts'

describe('randomizedSvd', () => {
  it.each([
    [300, 200],
    [200, 300],
  ])('recovers a matrix of low rank, %i by %i', async (m, n) => {
    const a = randomOfRank(m, n, 12)
    const { u, s, v } = await randomizedSvd(a, { rank: 12, rng: new Rng(0) })
    expect([u.dims, s.dims, v.dims]).toEqual([[m, 12], [12], [n, 12]])
    expect(orthogonalityError(u)).toBeLessThan(1e-13)
    expect(orthogonalityError(v)).toBeLessThan(1e-13)
    expect(distance(matmul(scaleColumns(u, s), v, { transposeB: true }), a)).toBeLessThan(1e-11)
    const exact = await svd(a, { rank: 12 })
    expect(distance(s, exact.s)).toBeLessThan(1e-10)
  })

  it('comes close to the best error on a spectrum that decays as a power, closer with power iterations', async () => {
    const n = 150
    const [u, v] = [(await svd(randomMatrix(n, n, 1))).u, (await svd(randomMatrix(n, n, 2))).u]
    const s = new Tensor(
      'float64',
      Array.from({ length: n }, (_, i) => 1 / (i + 1)),
      [n],
    )
    const a = matmul(scaleColumns(u, s), v, { transposeB: true })
    const error = async (powerIterations: number) => {
      const found = await randomizedSvd(a, { rank: 10, powerIterations, rng: new Rng(0) })
      const back = matmul(scaleColumns(found.u, found.s), found.v, { transposeB: true })
      return Math.sqrt(
        (a.data as Float64Array).reduce((sum, x, i) => sum + (x - Number(back.data[i])) ** 2, 0),
      )
    }
    const best = Math.sqrt((s.data as Float64Array).slice(10).reduce((sum, x) => sum + x * x, 0))
    expect(await error(2)).toBeLessThan(1.002 * best)
    expect(await error(0)).toBeGreaterThan(await error(2))
  })

  it('gives the same bytes for the same seed, and reads float32', async () => {
    const a = cast(randomMatrix(40, 30), 'float32')
    const one = await randomizedSvd(a, { rank: 5, rng: new Rng(3) })
    const two = await randomizedSvd(a, { rank: 5, rng: new Rng(3) })
    const other = await randomizedSvd(a, { rank: 5, rng: new Rng(4) })
    expect(two.u.data).toEqual(one.u.data)
    expect(other.u.data).not.toEqual(one.u.data)
    expect(one.u.type).toBe('float64')
  })

  it('is exact where the sketch holds everything, and takes empty matrices', async () => {
    const a = randomMatrix(9, 6)
    expect(distance((await randomizedSvd(a, { rank: 6, rng: new Rng(0) })).s, (await svd(a)).s)).toBeLessThan(
      1e-14,
    )
    expect(
      (
        await randomizedSvd(
          matrixFrom(0, 5, () => 0),
          { rank: 3, rng: new Rng(0) },
        )
      ).v.dims,
    ).toEqual([5, 0])
    expect(
      (
        await randomizedSvd(
          matrixFrom(5, 5, () => 0),
          { rank: 2, rng: new Rng(0) },
        )
      ).s.data,
    ).toEqual(new Float64Array(2))
  })

  it('rejects bad input', async () => {
    await expect(randomizedSvd(randomMatrix(3, 3), { rank: -1, rng: new Rng(0) })).rejects.toThrow(ShapeError)
    await expect(
      randomizedSvd(randomMatrix(3, 3), { rank: 1, powerIterations: 0.5, rng: new Rng(0) }),
    ).rejects.toThrow(/powerIterations/)
    await expect(
      randomizedSvd(
        matrixFrom(2, 2, () => Number.NaN),
        { rank: 1, rng: new Rng(0) },
      ),
    ).rejects.toThrow(NumericalError)
    await expect(randomizedSvd(remoteMatrix(), { rank: 1, rng: new Rng(0) })).rejects.toThrow(DeviceError)
    const stop = AbortSignal.abort('enough')
    await expect(randomizedSvd(randomMatrix(3, 3), { rank: 1, signal: stop, rng: new Rng(0) })).rejects.toBe(
      'enough',
    )
  })

  it('reports progress to the end', async () => {
    const seen: number[] = []
    await randomizedSvd(randomMatrix(30, 20), {
      rank: 2,
      rng: new Rng(0),
      onProgress: (done, total) => seen.push(done / total),
    })
    expect(seen.at(-1)).toBe(1)
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen)
  })
})
