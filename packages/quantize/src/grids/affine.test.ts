import { decode, NumericalError, Rng, Tensor, toFloat32 } from '@tersor/core-tensor'
import { normals } from '@tersor/core-tensor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rtn } from '../solvers/rtn.ts'
import { affineGrid } from './affine.ts'

/** ⟨ŵ, w⟩ / ⟨w, w⟩ over all groups. */
function kept(weight: Tensor, options: object): number {
  const back = toFloat32(decode(rtn(weight, options)))
  const [shared, own] = [0, 0]
  return toFloat32(weight)
    .reduce(([a, b], w, i) => [a + w * back[i]!, b + w * w] as const, [shared, own] as readonly [
      number,
      number,
    ])
    .reduce((a, b) => a / b)
}

describe('affineGrid', () => {
  it('does not shrink weights, whatever searches its ranges', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.constantFrom('float', 'integer', 'middle'),
        fc.constantFrom('normal', 'uniform', 'heavy', 'shifted'),
        fc.nat(1000),
        (bits, zero, shape, seed) => {
          const rng = new Rng(seed)
          const drawn = {
            normal: () => rng.normal(),
            uniform: () => rng.uniform() - 0.5,
            heavy: () => rng.normal() ** 3,
            shifted: () => 3 + rng.normal(),
          }[shape]
          const weight = new Tensor('float32', Float32Array.from({ length: 32 * 64 }, drawn), [32, 64])
          expect(Math.abs(kept(weight, { bits, zero, range: 'mse' }) - 1)).toBeLessThan(0.02)
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })

  it('decides codes in the range of the least squared error', () => {
    const weight = normals([16, 128], 3)
    const shrunk = (range: 'minMax' | 'mse') => {
      const back = toFloat32(decode(rtn(weight, { bits: 2, groupSize: 64, range })))
      // What is left after the best scale of all: how well codes tell weights apart.
      const [ww, qw, qq] = toFloat32(weight).reduce(
        ([ww, qw, qq], w, i) => [ww + w * w, qw + w * back[i]!, qq + back[i]! ** 2] as const,
        [0, 0, 0] as readonly [number, number, number],
      )
      return 1 - qw ** 2 / (ww * qq)
    }
    expect(shrunk('mse')).toBeLessThan(0.85 * shrunk('minMax'))
  })

  it.each([1e-4, 1e-6, 1e-9, 1e-20, 1e20])(
    'keeps weights of size %f, whose scales float16 cannot hold',
    size => {
      const plain = normals([8, 64], 5)
      const weight = new Tensor(
        'float32',
        toFloat32(plain).map(w => w * size),
        plain.dims,
      )
      const small = rtn(weight)
      expect(small.parts.scale!.type).toBe(size < 1e-4 || size > 1 ? 'float32' : 'float16')
      const back = toFloat32(decode(small))
      const error = toFloat32(weight).reduce((sum, w, i) => sum + ((w - back[i]!) / size) ** 2, 0)
      expect(error / weight.size).toBeLessThan(0.02)
      if (size === 1e-4) return
      expect(() => rtn(weight, { scaleType: 'float16' })).toThrow(NumericalError)
      expect(() => rtn(weight, { scaleType: 'float16' })).toThrow(
        /scales fit float16.*use scaleType 'float32'/,
      )
    },
  )

  it('leaves a group of zeros and one of a constant exact', () => {
    const grid = affineGrid({ bits: 4 })
    const range = new Float32Array(grid.width)
    for (const value of [0, 3.75, -2]) {
      grid.fit([value, value, value], range, 0)
      expect(grid.value(grid.code(value, range, 0), range, 0)).toBe(value)
    }
  })
})
