import { decode, Tensor, toFloat32 } from '@tersor/core-tensor'
import { describeWeightMethod, normals } from '@tersor/core-tensor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rotateMethod } from '../transforms/rotate.ts'
import { rtn, rtnMethod } from './rtn.ts'

function meanSquaredError(a: Tensor, b: Tensor): number {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / x.length
}

describe('rtn', () => {
  for (const bits of [2, 3, 4, 5, 6, 7, 8]) {
    for (const zero of ['float', 'integer', 'middle'] as const) {
      it(`keeps every weight within half a step: ${bits} bits, ${zero} zero, short last groups`, () => {
        const weight = normals([5, 43], 1)
        const small = rtn(weight, { bits, zero, groupSize: 16, scaleType: 'float32' })
        const back = toFloat32(decode(small))
        const scale = toFloat32(small.parts.scale as Tensor)
        expect(scale).toHaveLength(5 * 3)
        let most = 0
        toFloat32(weight).forEach((value, i) => {
          const step = scale[Math.floor(i / 43) * 3 + Math.floor((i % 43) / 16)]!
          most = Math.max(most, Math.abs(value - back[i]!) / step)
        })
        // Rounding zero to a code may shift a range by up to half a step at its ends.
        expect(most).toBeLessThan(zero === 'integer' ? 1.0001 : 0.5001)
        expect(most).toBeGreaterThan(0.3)
      })
    }
  }

  it('has the error that theory gives a uniform quantiser', () => {
    const weight = normals([64, 256], 1)
    const small = rtn(weight, { bits: 6, groupSize: 64, scaleType: 'float32' })
    const steps = toFloat32(small.parts.scale as Tensor)
    const expected = steps.reduce((sum, step) => sum + step ** 2 / 12, 0) / steps.length
    expect(meanSquaredError(weight, decode(small)) / expected).toBeGreaterThan(0.95)
    expect(meanSquaredError(weight, decode(small)) / expected).toBeLessThan(1.05)
  })

  it('shares a scale over a tensor, a channel or a group along any axis', () => {
    const weight = normals([6, 10], 1)
    const scaleDims = (options: object) => rtn(weight, { bits: 8, ...options }).parts.scale!.dims
    expect(scaleDims({ groupSize: 'tensor' })).toEqual([1, 1])
    expect(scaleDims({ groupSize: 'channel' })).toEqual([6, 1])
    expect(scaleDims({ groupSize: 4 })).toEqual([6, 3])
    expect(scaleDims({ groupSize: 'channel', axis: 0 })).toEqual([1, 10])
    expect(scaleDims({ groupSize: 4, axis: 0 })).toEqual([2, 10])
    for (const options of [
      { groupSize: 'tensor' },
      { groupSize: 4, axis: 0 },
      { groupSize: 'channel', axis: 0 },
    ] as const) {
      expect(meanSquaredError(weight, decode(rtn(weight, { bits: 8, ...options })))).toBeLessThan(2e-4)
    }
    expect(
      meanSquaredError(
        normals([3, 4, 5], 1),
        decode(rtn(normals([3, 4, 5], 1), { bits: 8, axis: 1, groupSize: 3 })),
      ),
    ).toBeLessThan(2e-4)
  })

  it('starts at the smallest weight with a float zero', () => {
    const far = new Tensor(
      'float32',
      Float32Array.from({ length: 32 }, (_, i) => 100 + i / 32),
      [1, 32],
    )
    const integer = meanSquaredError(
      far,
      decode(rtn(far, { bits: 4, zero: 'integer', scaleType: 'float32' })),
    )
    const float = meanSquaredError(far, decode(rtn(far, { bits: 4, zero: 'float', scaleType: 'float32' })))
    expect(float).toBeLessThan(integer / 100)
  })

  it('keeps zeros, constants and empty tensors', () => {
    const options = { bits: 4, groupSize: 4, zero: 'integer' } as const
    expect([...toFloat32(decode(rtn(new Tensor('float32', [0, 0, 0, 0], [1, 4]), options)))]).toEqual([
      0, 0, 0, 0,
    ])
    // 3.75 / 15 is a float16, so a constant comes back exactly.
    expect([
      ...toFloat32(decode(rtn(new Tensor('float32', [3.75, 3.75, 3.75, 3.75], [1, 4]), options))),
    ]).toEqual([3.75, 3.75, 3.75, 3.75])
    expect(decode(rtn(new Tensor('float32', [], [0, 4]), options)).dims).toEqual([0, 4])
    const withZero = toFloat32(decode(rtn(new Tensor('float32', [-0.3, 0, 0.7, 0.11], [1, 4]), options)))
    expect(withZero[1]).toBe(0)
  })

  it('gives the same bytes for the same weight', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(1000),
        (bits, groupSize, seed) => {
          const encode = () => rtn(normals([3, 37], seed), { bits, groupSize })
          expect(encode()).toEqual(encode())
          // What it decodes to, it encodes again to the same codes: rounding is idempotent within a range.
          const back = toFloat32(decode(encode()))
          expect(back.every(Number.isFinite)).toBe(true)
        },
      ),
    )
  })
})

describeWeightMethod(rtnMethod, [
  { bitsPerWeight: 5.104, loses: [0.0058, 0.0079] },
  { options: { bits: 2, range: 'mse' }, bitsPerWeight: 3.104, loses: [0.086, 0.12] },
  {
    options: { bits: 8, zero: 'middle', groupSize: 'channel' },
    bitsPerWeight: 8.354,
    loses: [3.3e-5, 4.5e-5],
  },
  { options: { bits: 3, zero: 'integer', groupSize: 20 }, bitsPerWeight: 4.146, loses: [0.024, 0.033] },
  { options: { grid: 'nf4' }, bitsPerWeight: 5.326, loses: [0.0064, 0.0086] },
  {
    options: { bits: 2, range: 'mse' },
    after: { method: rotateMethod },
    bitsPerWeight: 3.146,
    loses: [0.1, 0.14],
  },
])
