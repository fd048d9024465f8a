import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALIGNMENT, BlockAllocator } from './block-allocator.ts'

const LIMIT = 1 << 16

describe('BlockAllocator', () => {
  it('never gives out a byte twice, and merges what is free', () => {
    const step = fc.oneof(
      fc.record({ size: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ free: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const blocks = new BlockAllocator(10, end => end <= LIMIT)
        const held: { address: number; size: number }[] = []
        for (const { size, free } of steps as { size?: number; free?: number }[]) {
          if (size !== undefined) {
            const address = blocks.allocate(size)
            if (address === undefined) continue
            expect(address % ALIGNMENT).toBe(0)
            expect(address + size).toBeLessThanOrEqual(Math.min(LIMIT, blocks.touched))
            for (const other of held) {
              const apart =
                address + Math.max(size, 1) <= other.address ||
                other.address + Math.max(other.size, 1) <= address
              expect(apart).toBe(true)
            }
            held.push({ address, size })
          } else if (held.length > 0) {
            blocks.free(held.splice(free! % held.length, 1)[0]!.address)
          }
        }
        for (const { address } of held) blocks.free(address)
        expect(blocks.used).toBe(0)
        expect(blocks.empty).toBe(true)
        // Only where all of it is one piece again.
        expect(blocks.allocate(LIMIT - ALIGNMENT)).toBe(ALIGNMENT)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('takes a free block before the end of the memory', () => {
    const blocks = new BlockAllocator(0, () => true)
    const [first, second] = [blocks.allocate(1000)!, blocks.allocate(1000)!]
    blocks.free(first)
    expect(blocks.allocate(500)).toBe(first)
    expect(blocks.allocate(400)).toBe(first + 512)
    expect(blocks.allocate(400)).toBeGreaterThan(second)
  })

  it('has no room where the memory does not grow', () => {
    const blocks = new BlockAllocator(0, end => end <= 1024)
    expect(blocks.allocate(1025)).toBeUndefined()
    expect(blocks.allocate(1024)).toBe(0)
    expect(blocks.allocate(1)).toBeUndefined()
    blocks.free(0)
    expect(blocks.allocate(1)).toBe(0)
    expect(() => blocks.free(64)).toThrow(RangeError)
  })
})
