import { decode, Tensor, toFloat32 } from '@tersor/core-tensor'
import { normals } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { mxfp4 } from '../solvers/mxfp4.ts'
import { FLOAT4_VALUES } from './mxfp4.ts'

it('has the values of float4 e2m1 by their bits', () => {
  const value = (bits: number) => {
    const [exponent, mantissa] = [(bits >> 1) & 3, bits & 1]
    return (bits & 8 ? -1 : 1) * (exponent === 0 ? mantissa / 2 : (1 + mantissa / 2) * 2 ** (exponent - 1))
  }
  expect(FLOAT4_VALUES).toEqual(Array.from({ length: 16 }, (_, bits) => value(bits)))
})

it('shares the power of two of the largest weight less 2, and rounds to the nearest, ties to even', () => {
  const weight = normals([6, 80], 3)
  const back = toFloat32(decode(mxfp4(weight)))
  const values = toFloat32(weight)
  for (let row = 0; row < 6; row++) {
    for (let start = 0; start < 80; start += 32) {
      const [from, to] = [row * 80 + start, row * 80 + Math.min(80, start + 32)]
      const largest = values.subarray(from, to).reduce((max, w) => Math.max(max, Math.abs(w)), 0)
      const step = 2 ** (Math.floor(Math.log2(largest)) - 2)
      for (let i = from; i < to; i++) {
        const best = Math.min(...FLOAT4_VALUES.map(level => Math.abs(level * step - values[i]!)))
        expect(Math.abs(back[i]! - values[i]!)).toBe(best)
      }
    }
  }
  // 0.25, 0.75 … lie between two values; the largest weight makes the step 1.
  const ties = mxfp4(new Tensor('float32', [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 7], [1, 8]))
  expect([...toFloat32(decode(ties))]).toEqual([0, 1, 1, 2, 2, 4, 4, 6])
})

it('keeps zeros, and weights of every size', () => {
  expect([...toFloat32(decode(mxfp4(new Tensor('float32', [0, 0, -0], [3]))))]).toEqual(
    [0, 0, -0].map(Math.abs),
  )
  for (const size of [2 ** -100, 2 ** 100]) {
    const back = toFloat32(decode(mxfp4(new Tensor('float32', [4 * size, -size], [2]))))
    expect([...back]).toEqual([4 * size, -size])
  }
})
