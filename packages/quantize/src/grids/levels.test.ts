import { decode, ShapeError, Tensor, toFloat32 } from '@tersor/core-tensor'
import { nearest } from '@tersor/core-tensor/reference'
import { normals } from '@tersor/core-tensor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rtn } from '../solvers/rtn.ts'
import { levels } from './levels.ts'

describe('levels', () => {
  it('takes the nearest of any rising levels, as the kernel finds it', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 40 }),
        fc.array(fc.float({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (values, weights) => {
          const rising = [...values].sort((a, b) => a - b)
          const table = new Tensor('float32', rising, [rising.length, 1])
          const expected = nearest(new Tensor('float32', weights, [weights.length, 1]), table).data
          const grid = levels(rising)
          const range = Float32Array.of(1)
          expect(weights.map(w => grid.code(w, range, 0))).toEqual([...expected])
        },
      ),
      { seed: 1 },
    )
  })

  it('puts the largest weight of a group on the largest level', () => {
    const weight = normals([4, 40], 1)
    const back = toFloat32(decode(rtn(weight, { grid: levels([-4, -1, 0, 1, 2]), groupSize: 10 })))
    for (let start = 0; start < 160; start += 10) {
      const group = toFloat32(weight).subarray(start, start + 10)
      const largest = group.reduce((max, w) => Math.max(max, Math.abs(w)), 0)
      for (const value of back.subarray(start, start + 10)) {
        const level = (value / largest) * 4
        expect(Math.abs(level - Math.round(level))).toBeLessThan(1e-5)
      }
    }
  })

  it('refuses levels that do not rise', () => {
    for (const values of [[1], [1, 1], [2, 1], [0, Number.NaN], Array.from({ length: 257 }, (_, i) => i)])
      expect(() => levels(values)).toThrow(ShapeError)
  })
})
