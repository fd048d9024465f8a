import { sizeOf } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutRows } from './cut-rows.ts'

describe('cutRows', () => {
  it('cuts matrices at multiples of a step', () => {
    expect(cutRows([5, 8], 2, 16)).toEqual([
      { rows: [0, 2], dims: [2, 8] },
      { rows: [2, 4], dims: [2, 8] },
      { rows: [4, 5], dims: [1, 8] },
    ])
  })

  it('cuts stacks of large matrices inside of them, of small ones between them', () => {
    expect(cutRows([2, 4, 8], 2, 16)?.map(({ dims }) => dims)).toEqual(Array(4).fill([1, 2, 8]))
    expect(cutRows([5, 4, 8], 2, 70)?.map(({ dims }) => dims)).toEqual([
      [2, 4, 8],
      [2, 4, 8],
      [1, 4, 8],
    ])
  })

  it.each([
    ['is small enough', [4, 8], 1],
    ['is a vector', [1000], 1],
    ['has fewer rows than a step', [200, 8], 256],
    ['is empty', [0, 8], 1],
  ])('leaves a weight whole that %s', (_, dims, step) => {
    expect(cutRows(dims, step, 32)).toBeUndefined()
  })

  it('gives every row once and in order, from multiples of the step on', () => {
    const dims = fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 })),
      fc.tuple(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
      ),
    )
    const steps = fc.constantFrom(1, 2, 3, 4)
    fc.assert(
      fc.property(dims, steps, fc.integer({ min: 1, max: 60 }), (whole, step, elements) => {
        const slices = cutRows(whole, step, elements)
        if (slices === undefined) return
        let at = 0
        for (const { rows, dims } of slices) {
          expect(rows[0]).toBe(at)
          expect(rows[0] % step).toBe(0)
          expect(rows[0] % 2).toBe(0)
          expect(sizeOf(dims)).toBe((rows[1] - rows[0]) * whole.at(-1)!)
          expect(dims).toHaveLength(whole.length)
          at = rows[1]
        }
        expect(at * whole.at(-1)!).toBe(sizeOf(whole))
      }),
    )
  })
})
