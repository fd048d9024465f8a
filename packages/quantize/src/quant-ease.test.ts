import { byteLength, decode, Rng, ShapeError, Tensor, toFloat32, UnsupportedError } from '@tersor/core-tensor'
import { gram, matmul } from '@tersor/core-tensor/reference'
import { describe, expect, it } from 'vitest'
import { gptq } from './gptq.ts'
import { nf4 } from './nf4.ts'
import { quantEase } from './quant-ease.ts'
import { quantizeAffine } from './quantize-affine.ts'

const [ROWS, COLUMNS] = [20, 70]

function normal(seed: number, dims: number[]): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )
}

const weight = normal(1, [ROWS, COLUMNS])
const common = matmul(normal(2, [300, 12]), normal(3, [12, COLUMNS])).data as Float32Array
const own = normal(4, [300, COLUMNS]).data as Float32Array
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
  for (const options of [
    { bits: 2 },
    { bits: 3, groupSize: 16 },
    { bits: 4, symmetric: true },
    { bits: 4, zero: 'float' },
  ] as const) {
    it(`improves rounding and gptq at the same bytes: ${JSON.stringify(options)}`, async () => {
      const rounded = quantizeAffine(weight, options)
      const calibrated = await gptq(weight, statistics, { ...options, actOrder: true })
      for (const [start, most] of [
        [rounded, 0.6],
        [calibrated, 0.97],
      ] as const) {
        const better = await quantEase(weight, start, statistics)
        expect(byteLength(better)).toBe(byteLength(start))
        expect(outputError(decode(better)) / outputError(decode(start))).toBeLessThan(most)
      }
    })
  }

  it('never loses, sweep by sweep', async () => {
    const start = quantizeAffine(weight, { bits: 3 })
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
    const start = quantizeAffine(weight, { bits: 4 })
    const identity = Float64Array.from({ length: COLUMNS * COLUMNS }, (_, i) =>
      i % (COLUMNS + 1) === 0 ? 1 : 0,
    )
    identity[0] = 0
    const same = await quantEase(weight, start, new Tensor('float64', identity, [COLUMNS, COLUMNS]), {
      refit: false,
    })
    expect(same).toEqual(start)
  })

  it('refuses other layouts and shapes, and stops when told to', async () => {
    await expect(quantEase(weight, nf4(weight), statistics)).rejects.toThrow(UnsupportedError)
    await expect(
      quantEase(weight, quantizeAffine(weight, { bits: 4, groupSize: 'tensor' }), statistics),
    ).rejects.toThrow(UnsupportedError)
    await expect(
      quantEase(normal(1, [2, 3]), quantizeAffine(weight, { bits: 4 }), statistics),
    ).rejects.toThrow(ShapeError)
    await expect(
      quantEase(weight, quantizeAffine(weight, { bits: 4 }), statistics, {
        signal: AbortSignal.abort(new Error('stop')),
      }),
    ).rejects.toThrow('stop')
  })
})
