import {
  byteLength,
  canonicalJson,
  decode,
  NumericalError,
  Rng,
  ShapeError,
  Tensor,
  toFloat32,
} from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quantizeAffine } from './quantize-affine.ts'

function gaussian(dims: number[], seed = 1, scale = 1): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * rng.normal()),
    dims,
  )
}

function meanSquaredError(a: Tensor, b: Tensor): number {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / x.length
}

describe('quantizeAffine', () => {
  for (const bits of [2, 3, 4, 5, 6, 7, 8]) {
    for (const symmetric of [false, true]) {
      it(`keeps every weight within half a step: ${bits} bits, ${symmetric ? 'symmetric' : 'asymmetric'}, short last groups`, () => {
        const weight = gaussian([5, 43])
        const small = quantizeAffine(weight, { bits, symmetric, groupSize: 16, scaleType: 'float32' })
        const back = toFloat32(decode(small))
        const scale = toFloat32(small.parts.scale as Tensor)
        expect(scale).toHaveLength(5 * 3)
        let most = 0
        toFloat32(weight).forEach((value, i) => {
          const step = scale[Math.floor(i / 43) * 3 + Math.floor((i % 43) / 16)]!
          most = Math.max(most, Math.abs(value - back[i]!) / step)
        })
        // Rounding zero to a code may shift an asymmetric range by up to half a step at its ends.
        expect(most).toBeLessThan(symmetric ? 0.5001 : 1.0001)
        expect(most).toBeGreaterThan(0.3)
      })
    }
  }

  it('has the error that theory gives a uniform quantiser', () => {
    const weight = gaussian([64, 256])
    const small = quantizeAffine(weight, { bits: 6, groupSize: 64, scaleType: 'float32' })
    const steps = toFloat32(small.parts.scale as Tensor)
    const expected = steps.reduce((sum, step) => sum + step ** 2 / 12, 0) / steps.length
    expect(meanSquaredError(weight, decode(small)) / expected).toBeGreaterThan(0.95)
    expect(meanSquaredError(weight, decode(small)) / expected).toBeLessThan(1.05)
  })

  it('takes exactly the bytes that its layout says', () => {
    const small = quantizeAffine(gaussian([8, 64]), { bits: 3, groupSize: 32 })
    const payload = 8 * 24 + 16 * 2 + 8 // codes, float16 scales, 4-bit zeros
    expect(byteLength(small)).toBe(payload + canonicalJson(small.meta).length)
    const symmetric = quantizeAffine(gaussian([8, 64]), { bits: 8, groupSize: 'channel', symmetric: true })
    expect(byteLength(symmetric)).toBe(8 * 64 + 8 * 2 + 8 + canonicalJson(symmetric.meta).length)
  })

  it('loses less with an mse range than with a min-max one where weights are few and far', () => {
    const weight = gaussian([16, 128], 3)
    const error = (range: 'minMax' | 'mse') =>
      meanSquaredError(weight, decode(quantizeAffine(weight, { bits: 2, groupSize: 64, range })))
    expect(error('mse')).toBeLessThan(0.85 * error('minMax'))
  })

  it('shares a scale over a tensor, a channel or a group along any axis', () => {
    const weight = gaussian([6, 10])
    const scaleDims = (options: object) => quantizeAffine(weight, { bits: 8, ...options }).parts.scale!.dims
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
      expect(meanSquaredError(weight, decode(quantizeAffine(weight, { bits: 8, ...options })))).toBeLessThan(
        2e-4,
      )
    }
    expect(
      meanSquaredError(
        gaussian([3, 4, 5]),
        decode(quantizeAffine(gaussian([3, 4, 5]), { bits: 8, axis: 1, groupSize: 3 })),
      ),
    ).toBeLessThan(2e-4)
  })

  it('starts at the smallest weight with a float zero', () => {
    const far = new Tensor(
      'float32',
      Float32Array.from({ length: 32 }, (_, i) => 100 + i / 32),
      [1, 32],
    )
    const integer = meanSquaredError(far, decode(quantizeAffine(far, { bits: 4, scaleType: 'float32' })))
    const float = meanSquaredError(
      far,
      decode(quantizeAffine(far, { bits: 4, zero: 'float', scaleType: 'float32' })),
    )
    expect(float).toBeLessThan(integer / 100)
  })

  it('keeps zeros, constants and empty tensors', () => {
    const options = { bits: 4, groupSize: 4 } as const
    expect([
      ...toFloat32(decode(quantizeAffine(new Tensor('float32', [0, 0, 0, 0], [1, 4]), options))),
    ]).toEqual([0, 0, 0, 0])
    // 3.75 / 15 is a float16, so a constant comes back exactly.
    expect([
      ...toFloat32(decode(quantizeAffine(new Tensor('float32', [3.75, 3.75, 3.75, 3.75], [1, 4]), options))),
    ]).toEqual([3.75, 3.75, 3.75, 3.75])
    expect(decode(quantizeAffine(new Tensor('float32', [], [0, 4]), options)).dims).toEqual([0, 4])
    const withZero = toFloat32(
      decode(quantizeAffine(new Tensor('float32', [-0.3, 0, 0.7, 0.11], [1, 4]), options)),
    )
    expect(withZero[1]).toBe(0)
  })

  it('gives the same bytes for the same weight', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(1000),
        (bits, groupSize, seed) => {
          const encode = () => quantizeAffine(gaussian([3, 37], seed), { bits, groupSize })
          expect(encode()).toEqual(encode())
          // What it decodes to, it encodes again to the same codes: rounding is idempotent within a range.
          const back = toFloat32(decode(encode()))
          expect(back.every(Number.isFinite)).toBe(true)
        },
      ),
    )
  })

  it('refuses what it cannot round', () => {
    const weight = gaussian([2, 8])
    expect(() => quantizeAffine(weight, { bits: 9 })).toThrow(/expected 2 to 8 bits, got 9/)
    expect(() => quantizeAffine(weight, { bits: 4, groupSize: 0 })).toThrow(ShapeError)
    expect(() => quantizeAffine(weight, { bits: 4, axis: 2 })).toThrow(ShapeError)
    expect(() => quantizeAffine(new Tensor('float32', [1], []), { bits: 4 })).toThrow(ShapeError)
    expect(() => quantizeAffine(new Tensor('float32', [1, NaN], [2]), { bits: 4 })).toThrow(NumericalError)
    expect(() => quantizeAffine(new Tensor('float32', [1, 1e30], [2]), { bits: 4 })).toThrow(
      /scaleType 'float32' or 'bfloat16'/,
    )
  })
})
