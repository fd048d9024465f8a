import { decode, type Encoded, Rng, Tensor, toFloat32 } from '@tersor/core-tensor'
import { describeWeightMethod } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { float8, float8Method } from './float8.ts'

const rng = new Rng(8)
// Rows of very different size, and weights within a row that span six orders of magnitude.
const weight = new Tensor(
  'float32',
  Float32Array.from(
    { length: 32 * 50 },
    (_, i) => 10 ** (Math.floor(i / 50) / 8) * rng.normal() * 10 ** -rng.integer(6),
  ),
  [32, 50],
)

describe('float8', () => {
  for (const [format, mantissaBits] of [
    ['e4m3fn', 3],
    ['e5m2', 2],
  ] as const) {
    it(`keeps the relative precision of ${format} where its exponents reach`, () => {
      const small = float8(weight, { format })
      const back = toFloat32(decode(small))
      const scale = toFloat32(small.parts.scale as Tensor)
      const smallestNormal = format === 'e4m3fn' ? 2 ** -6 : 2 ** -14
      let most = 0
      toFloat32(weight).forEach((value, i) => {
        if (Math.abs(value / scale[Math.floor(i / 50)]!) < smallestNormal) return
        most = Math.max(most, Math.abs(back[i]! / value - 1))
      })
      expect(most).toBeLessThanOrEqual(2 ** -(mantissaBits + 1) + 1e-6)
      expect(most).toBeGreaterThan(2 ** -(mantissaBits + 2))
    })
  }

  it('puts the largest weight of a row on the largest value', () => {
    const small = float8(new Tensor('float32', [0.5, -3, 1, 8, 2, 1], [2, 3]))
    const codes = ((small.parts.base as Encoded).parts.values as Tensor).data
    expect([codes[1], codes[3]]).toEqual([0xfe, 0x7e])
    expect(toFloat32(decode(small))[1]).toBeCloseTo(-3, 6)
  })

  it('keeps zero rows, vectors and empty tensors', () => {
    expect([...toFloat32(decode(float8(new Tensor('float32', [0, 0, 1, 2], [2, 2]))))].slice(0, 2)).toEqual([
      0, 0,
    ])
    expect([...toFloat32(decode(float8(new Tensor('float32', [1, 2], [2]))))]).toEqual([1, 2])
    expect(decode(float8(new Tensor('float32', [], [0, 3]))).dims).toEqual([0, 3])
  })
})

describeWeightMethod(float8Method, [
  { bitsPerWeight: 8.375, loses: [0.00065, 0.00088] },
  { options: { format: 'e5m2', groupSize: 'tensor' }, bitsPerWeight: 8.056, loses: [0.0026, 0.0035] },
])
