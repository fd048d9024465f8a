import { ShapeError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Document } from './encode-sample.ts'
import { packDocuments } from './pack-documents.ts'

const document = (length: number, id: number): Document => ({
  tokens: new Int32Array(length).fill(id),
  weights: new Float32Array(length).fill(1).fill(0, 0, 1),
  family: `family ${id}`,
})

it('lays documents side by side, whole and in order, and pads the rest', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 })),
      fc.integer({ min: 1, max: 200 }),
      (lengths, length) => {
        const packed: Document[] = []
        const next = (room: number) => {
          const size = lengths[packed.length]
          if (size === undefined || size > room) return undefined
          packed.push(document(size, packed.length + 1))
          return packed.at(-1)
        }
        const { tokens, weights, borders, families } = packDocuments(next, { length, padding: 0 })
        const used = packed.reduce((sum, { tokens }) => sum + tokens.length, 0)
        const isPadded = used < length
        expect([...tokens]).toEqual([
          ...packed.flatMap(({ tokens }) => [...tokens]),
          ...Array(length - used).fill(0),
        ])
        expect(weights.length).toBe(length)
        expect(families).toEqual([...packed.map(({ family }) => family), ...(isPadded ? ['padding'] : [])])
        expect(borders.length).toBe(families.length + 1)
        expect([borders[0], borders.at(-1)]).toEqual([0, length])
        for (const [i, { tokens }] of packed.entries())
          expect(borders[i + 1]! - borders[i]!).toBe(tokens.length)
      },
    ),
  )
})

it('refuses a document that is too long', () => {
  expect(() => packDocuments(() => document(11, 1), { length: 10, padding: 0 })).toThrow(ShapeError)
})
