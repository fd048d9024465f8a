import { expect, test } from 'vitest'
import { measure } from './measure.ts'
import { median } from './median.ts'
import type { Work } from './work.ts'

test('the median is the middle of the sorted numbers', () => {
  expect(median([10, 9, 2])).toBe(9)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(() => median([])).toThrow('expected numbers')
})

test('all take turns, and a slower one is seen to be slower', async () => {
  const order: string[] = []
  const spin = (name: string, milliseconds: number, calls: number): Work => ({
    calls,
    run() {
      order.push(name)
      const end = performance.now() + milliseconds
      while (performance.now() < end);
    },
    result: () => new Float32Array(0),
  })
  const works = [spin('a', 1, 1), spin('b', 4, 2)]
  const [a, b] = await measure(works, { rounds: 3, turn: 1, warmUp: 0 })
  expect([a, b].map(times => times!.length)).toEqual([3, 3])
  expect(order.filter((name, i) => name !== order[i - 1]).join('')).toBe('abababab')
  // No less than they spin: 4 ms of b are two calls.
  expect(Math.min(...a!)).toBeGreaterThanOrEqual(1)
  expect(Math.min(...b!)).toBeGreaterThanOrEqual(2)
})
