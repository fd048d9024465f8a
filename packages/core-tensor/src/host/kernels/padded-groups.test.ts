import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tensor } from '../../tensor/tensor.ts'
import { cutPieces, paddedGroup, padPieces } from './padded-groups.ts'

describe('padded groups', () => {
  it.each([
    ['groups of 16', [256, 6, 16], 32],
    ['groups of 48', [96, 4, 48], 64],
    ['groups that need none', [256, 4, 32], undefined],
    ['groups that would more than double', [256, 4, 8], undefined],
    ['a short last group', [40, 4, 16], undefined],
    ['groups of codes that are no whole bytes', [51, 3, 17], undefined],
  ] as const)('pad %s, or do not', (_, [columns, bits, group], expected) => {
    expect(paddedGroup(columns, bits, group)).toBe(expected)
  })

  it('put zeros behind every piece', () => {
    const x = new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8], [2, 4])
    const padded = padPieces(x, 2, 3)
    expect(padded.dims).toEqual([2, 6])
    expect([...padded.data]).toEqual([1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0])
  })

  it('are cut again', () => {
    const shapes = fc.record({
      rows: fc.nat(5),
      pieces: fc.nat(4),
      length: fc.integer({ min: 1, max: 6 }),
      more: fc.nat(6),
    })
    fc.assert(
      fc.property(shapes, ({ rows, pieces, length, more }) => {
        const dims = [rows, pieces * length]
        const bytes = Uint8Array.from({ length: rows * pieces * length }, (_, i) => i + 1)
        const padded = padPieces(new Tensor('uint8', bytes, dims), length, length + more)
        expect(cutPieces(padded, length, length + more)).toMatchObject({ dims, data: bytes })
      }),
    )
  })
})
