import { ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { ndcg } from './ndcg.ts'

const judged = new Map([
  ['a', 3],
  ['b', 2],
  ['c', 1],
])

describe('ndcg', () => {
  it('is the discounted gain over that of the best ranking', () => {
    const won = 2 / Math.log2(2) + 3 / Math.log2(4)
    const best = 3 / Math.log2(2) + 2 / Math.log2(3) + 1 / Math.log2(4)
    expect(ndcg(['b', 'x', 'a'], judged, 10)).toBeCloseTo(won / best, 12)
    expect(ndcg(['a', 'b', 'c', 'x'], judged, 10)).toBe(1)
  })

  it('counts the first results only, on both sides', () => {
    expect(ndcg(['b', 'a'], judged, 1)).toBeCloseTo(2 / 3, 12)
    expect(ndcg(['x', 'a', 'b', 'c'], judged, 1)).toBe(0)
  })

  it('counts a result once, and gives 0 where nothing is relevant', () => {
    expect(ndcg(['a', 'a'], new Map([['a', 1]]), 10)).toBe(1)
    expect(ndcg(['a'], new Map(), 10)).toBe(0)
    expect(ndcg([], judged, 10)).toBe(0)
  })

  it('refuses what is no number of results and no gain', () => {
    expect(() => ndcg(['a'], judged, 0)).toThrow(ShapeError)
    expect(() => ndcg(['a'], new Map([['a', -1]]), 10)).toThrow(ShapeError)
  })
})
