import {
  byteLength,
  canonicalJson,
  decode,
  type Encoded,
  NumericalError,
  Rng,
  Tensor,
  toFloat32,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { NF4_VALUES, nf4 } from './nf4.ts'
import { quantizeAffine } from './quantize-affine.ts'

const rng = new Rng(4)
const weight = new Tensor(
  'float32',
  Float32Array.from({ length: 64 * 200 }, () => 0.05 * rng.normal()),
  [64, 200],
)

function snr(small: Encoded): number {
  const back = toFloat32(decode(small))
  let signal = 0
  let noise = 0
  toFloat32(weight).forEach((value, i) => {
    signal += value * value
    noise += (value - back[i]!) ** 2
  })
  return 10 * Math.log10(signal / noise)
}

describe('nf4', () => {
  it('has the published values: rising, from −1 to 1, with an exact zero', () => {
    expect(NF4_VALUES).toHaveLength(16)
    expect([NF4_VALUES[0], NF4_VALUES[7], NF4_VALUES[15]]).toEqual([-1, 0, 1])
    expect([...NF4_VALUES].sort((a, b) => a - b)).toEqual(NF4_VALUES)
  })

  it('gives every weight the nearest value of its block', () => {
    const blockSize = 48
    const back = toFloat32(decode(nf4(weight, { blockSize, doubleQuantize: false })))
    const values = toFloat32(weight)
    for (let row = 0; row < 64; row += 9) {
      for (let start = 0; start < 200; start += blockSize) {
        const block = values.subarray(row * 200 + start, row * 200 + Math.min(200, start + blockSize))
        const max = Math.max(...block.map(Math.abs))
        block.forEach((value, i) => {
          const nearest = Math.min(...NF4_VALUES.map(level => Math.abs(value - level * max)))
          expect(Math.abs(Math.abs(value - back[row * 200 + start + i]!) - nearest)).toBeLessThan(1e-8)
        })
      }
    }
  })

  it('loses less than 4-bit rounding of the same size on normal weights', () => {
    const plain = nf4(weight, { blockSize: 40, doubleQuantize: false })
    const rounded = quantizeAffine(weight, { bits: 4, groupSize: 40, symmetric: true, scaleType: 'float32' })
    expect(snr(plain)).toBeGreaterThan(snr(rounded) + 1)
    expect(snr(plain)).toBeLessThan(30)
  })

  it('hardly loses by quantising its scales too, and takes the bytes of its layout', () => {
    const plain = nf4(weight, { doubleQuantize: false })
    const double = nf4(weight)
    expect(snr(plain) - snr(double)).toBeLessThan(0.1)
    const meta = (e: Encoded) => canonicalJson(e.meta).length
    expect(byteLength(plain)).toBe(64 * 100 + 64 + 64 * 4 * 4 + meta(plain))
    const scale = double.parts.scale as Encoded
    expect(byteLength(double)).toBe(64 * 100 + 64 + 64 * 4 + 2 * 4 * 4 + meta(scale) + meta(double))
  })

  it('keeps zeros and refuses what is not finite', () => {
    expect([
      ...toFloat32(decode(nf4(new Tensor('float32', [0, 0, 0], [3]), { doubleQuantize: false }))),
    ]).toEqual([0, 0, 0])
    expect(() => nf4(new Tensor('float32', [Infinity], [1]))).toThrow(NumericalError)
  })
})
