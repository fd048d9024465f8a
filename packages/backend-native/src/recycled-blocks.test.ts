import { expect, it } from 'vitest'
import { RecycledBlocks } from './recycled-blocks.ts'

const SIZE = 1 << 20

it('gives a block back to the next of its size, as it was or as zeros', () => {
  const blocks = new RecycledBlocks()
  const block = new Uint8Array(SIZE).fill(7)
  blocks.give(block)
  expect(blocks.take(SIZE + 1, true)).toBeUndefined()
  expect(blocks.take(SIZE, false)).toBe(block)
  expect(block[5]).toBe(7)
  expect(blocks.take(SIZE, false)).toBeUndefined()
  blocks.give(block)
  expect(blocks.take(SIZE, true)).toBe(block)
  expect(block.every(byte => byte === 0)).toBe(true)
})

it('forgets when it is told to', () => {
  const blocks = new RecycledBlocks()
  blocks.give(new Uint8Array(SIZE))
  blocks.clear()
  expect(blocks.take(SIZE, true)).toBeUndefined()
})

it('drops the size that was given back longest ago when it holds too much', () => {
  const blocks = new RecycledBlocks()
  const half = 1 << 27
  blocks.give(new Uint8Array(SIZE))
  blocks.give(new Uint8Array(half))
  blocks.give(new Uint8Array(half))
  expect(blocks.take(SIZE, false)).toBeUndefined()
  expect(blocks.take(half, false)).toBeDefined()
  expect(blocks.take(half, false)).toBeDefined()
})
