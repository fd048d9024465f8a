import { affine, dense, Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import { cast, quantizeAffine } from '@tersor/core-tensor/reference'
import { describe, expect, it } from 'vitest'
import { sizeReport } from './size-report.ts'
import { weightSnr } from './weight-snr.ts'

const rng = new Rng(2)
const weight = new Tensor(
  'float32',
  Float32Array.from({ length: 700 * 600 }, () => 2 * rng.uniform() - 1),
  [700, 600],
)

/** A uniform quantiser of [−1, 1]. */
function uniform(bits: number) {
  const scale = new Tensor('float32', [2 / 2 ** bits], [1, 1])
  const offset = new Tensor('float32', [-1 + 1 / 2 ** bits], [1, 1])
  const options = { bits, group: 600, axis: 1 }
  return affine(
    { codes: quantizeAffine(weight, scale, { ...options, offset }), scale, offset },
    { ...options, dims: weight.dims },
  )
}

describe('weightSnr', () => {
  it('finds the 6.02 dB a bit of a uniform quantiser of uniform weights, over many chunks of rows', () => {
    for (const bits of [2, 4, 8])
      expect(weightSnr(weight, uniform(bits))).toBeCloseTo(20 * bits * Math.log10(2), 1)
  })

  it('is infinite where nothing was lost, and takes scalars', () => {
    expect(weightSnr(weight, weight)).toBe(Infinity)
    expect(weightSnr(new Tensor('float32', [2], []), new Tensor('float32', [1], []))).toBeCloseTo(
      20 * Math.log10(2),
      9,
    )
    expect(() => weightSnr(weight, new Tensor('float32', [1], [1]))).toThrow(ShapeError)
  })
})

describe('sizeReport', () => {
  it('counts every byte of parts and metadata', () => {
    const narrow = dense(cast(weight, 'float16'))
    const { tensors, bytes, elements, bitsPerWeight } = sizeReport([
      ['a', weight],
      ['b', narrow],
      ['c', uniform(3)],
    ])
    expect(tensors.map(tensor => tensor.encoding)).toEqual(['float32', 'dense', 'affine'])
    const metadata = '{"axis":1,"bits":3,"group":600}'.length
    expect(tensors.map(tensor => tensor.bytes)).toEqual([1_680_000, 840_000 + 2, 700 * 225 + 8 + metadata])
    expect(elements).toBe(3 * 420_000)
    expect(bytes).toBe(tensors.reduce((sum, tensor) => sum + tensor.bytes, 0))
    expect(bitsPerWeight).toBeCloseTo((8 * bytes) / elements, 12)
  })
})
