import { Rng, ShapeError } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { drawInSplit, splitOf } from './split.ts'

it('holds a tenth out, of keys that differ little too', () => {
  for (const family of ['one', 'two']) {
    const held = Array.from({ length: 100_000 }, (_, i) => splitOf(family, `${i}`)).filter(
      s => s === 'held-out',
    )
    // Five standard deviations of a binomial count are 474.
    expect(Math.abs(held.length - 10_000)).toBeLessThan(474)
  }
})

it('draws until an instance is of the split, and says when none is', () => {
  const rng = new Rng(1)
  const draw = () => ({ key: `${rng.integer(1000)}` })
  expect(splitOf('numbers', drawInSplit('held-out', 'numbers', draw).key)).toBe('held-out')
  const never = () => ({ key: 'one' })
  const other = splitOf('numbers', 'one') === 'train' ? 'held-out' : 'train'
  expect(() => drawInSplit(other, 'numbers', never)).toThrow(ShapeError)
})
