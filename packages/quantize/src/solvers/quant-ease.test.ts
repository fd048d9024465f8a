import { decode, dense, ShapeError, Tensor, toFloat32, UnsupportedError } from '@tersor/core-tensor'
import { gram, matmul } from '@tersor/core-tensor/reference'
import { describeWeightMethod, normals } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { rotateMethod } from '../transforms/rotate.ts'
import { float8Method } from './float8.ts'
import { gptq, gptqMethod } from './gptq.ts'
import { mxfp4 } from './mxfp4.ts'
import { nf4 } from './nf4.ts'
import { quantEase, quantEaseMethod } from './quant-ease.ts'
import { rtn, rtnMethod } from './rtn.ts'

const [ROWS, COLUMNS] = [20, 70]

const weight = normals([ROWS, COLUMNS], 1)
const common = matmul(normals([300, 12], 2), normals([12, COLUMNS], 3)).data as Float32Array
const own = normals([300, COLUMNS], 4).data as Float32Array
const x = new Tensor(
  'float32',
  common.map((value, i) => value + own[i]!),
  [300, COLUMNS],
)
const statistics = gram(x)

/** tr(D·H·Dᵀ), with D what the encoding leaves of the weight. */
function outputError(back: Tensor): number {
  const difference = toFloat32(weight).map((value, i) => value - toFloat32(back)[i]!)
  const y = matmul(x, new Tensor('float32', difference, weight.dims), { transposeB: true })
    .data as Float32Array
  return y.reduce((sum, value) => sum + value * value, 0)
}

describe('quantEase', () => {
  it.each([
    ['a line', rtn(weight, { bits: 3 })],
    ['NF4', nf4(weight)],
    ['float4 with powers of two', mxfp4(weight)],
  ])('never loses, sweep by sweep, on %s', async (_, start) => {
    let error = outputError(decode(start))
    for (let sweeps = 1; sweeps <= 6; sweeps++) {
      const now = outputError(decode(await quantEase(weight, start, statistics, { sweeps })))
      expect(now).toBeLessThan(error * (1 + 1e-5))
      error = now
    }
  })

  it('ends where no single code can be better', async () => {
    const start = await gptq(weight, statistics, { bits: 3, scaleType: 'float32' })
    const better = await quantEase(weight, start, statistics, { sweeps: 30, refit: false })
    const again = await quantEase(weight, better, statistics, { sweeps: 1 })
    expect(again.parts.codes!).toEqual(better.parts.codes!)
    expect(better.parts.scale).toEqual(start.parts.scale)
  })

  it('leaves codes alone where inputs are uncorrelated and never seen', async () => {
    const start = rtn(weight, { bits: 4 })
    const identity = Float64Array.from({ length: COLUMNS * COLUMNS }, (_, i) =>
      i % (COLUMNS + 1) === 0 ? 1 : 0,
    )
    identity[0] = 0
    const same = await quantEase(weight, start, new Tensor('float64', identity, [COLUMNS, COLUMNS]), {
      refit: false,
    })
    expect(same).toEqual(start)
  })

  it('refuses other layouts and shapes', async () => {
    await expect(quantEase(weight, dense(weight), statistics)).rejects.toThrow(UnsupportedError)
    await expect(
      quantEase(weight, rtn(weight, { bits: 4, groupSize: 'tensor' }), statistics),
    ).rejects.toThrow(UnsupportedError)
    await expect(quantEase(normals([2, 3], 1), rtn(weight, { bits: 4 }), statistics)).rejects.toThrow(
      ShapeError,
    )
  })
})

describeWeightMethod(quantEaseMethod, [
  {
    after: { method: gptqMethod, options: { bits: 2 }, after: { method: rotateMethod } },
    bitsPerWeight: 3.146,
    loses: [0, 1],
  },
  {
    after: { method: rtnMethod, options: { bits: 2 } },
    bitsPerWeight: 3.104,
    loses: [0.023, 0.031],
    beats: { method: rtnMethod, options: { bits: 2 }, by: 0.6 },
  },
  {
    after: { method: gptqMethod, options: { bits: 3, actOrder: true } },
    bitsPerWeight: 4.104,
    loses: [0.003, 0.004],
    beats: { method: gptqMethod, options: { bits: 3, actOrder: true }, by: 0.97 },
  },
  {
    after: { method: rtnMethod, options: { grid: 'nf4' } },
    bitsPerWeight: 5.326,
    loses: [0.0011, 0.0014],
    beats: { method: rtnMethod, options: { grid: 'nf4' }, by: 0.6 },
  },
  {
    after: { method: rtnMethod, options: { grid: 'mxfp4' } },
    bitsPerWeight: 4.705,
    loses: [0.0019, 0.0026],
    beats: { method: rtnMethod, options: { grid: 'mxfp4' }, by: 0.6 },
  },
  {
    after: { method: float8Method },
    bitsPerWeight: 8.375,
    loses: [9e-5, 0.00012],
    beats: { method: float8Method, by: 0.6 },
  },
])
