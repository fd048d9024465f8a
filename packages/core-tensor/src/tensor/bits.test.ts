import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packedRowBytes, packRow, unpackRow } from './bits.ts'

const rows = fc.integer({ min: 1, max: 16 }).chain(bits =>
  fc.record({
    bits: fc.constant(bits),
    codes: fc.array(fc.integer({ min: 0, max: 2 ** bits - 1 }), { maxLength: 70 }),
    at: fc.integer({ min: 0, max: 5 }),
  }),
)

describe('packRow', () => {
  it('lays 4-bit codes low nibble first, and bits of any width least significant first', () => {
    const bytes = new Uint8Array(2)
    packRow([0x1, 0x2, 0xf], 4, bytes)
    expect([...bytes]).toEqual([0x21, 0x0f])
    packRow([0b101, 0b011, 0b110, 0b001], 3, bytes)
    expect([...bytes]).toEqual([0b10_011_101, 0b0000_001_1])
  })

  it('is undone by unpackRow, touches its own bytes only, and every one of them', () => {
    fc.assert(
      fc.property(rows, ({ bits, codes, at }) => {
        const size = packedRowBytes(codes.length, bits)
        expect(size).toBe(Math.ceil((bits * codes.length) / 8))
        const bytes = new Uint8Array(at + size + 3).fill(0xaa)
        packRow(codes, bits, bytes, at)
        const back = new Uint16Array(codes.length)
        unpackRow(bytes, bits, back, at)
        expect([...back]).toEqual(codes)
        expect([...bytes.subarray(0, at), ...bytes.subarray(at + size)].every(byte => byte === 0xaa)).toBe(
          true,
        )
        // The stream as one number, padding bits included.
        const stream = codes.reduce((sum, code, i) => sum + (BigInt(code) << BigInt(i * bits)), 0n)
        const packed = bytes
          .subarray(at, at + size)
          .reduce((sum, byte, i) => sum + (BigInt(byte) << BigInt(8 * i)), 0n)
        expect(packed).toBe(stream)
      }),
      { seed: 1, numRuns: 400 },
    )
  })
})
