import { DTypeError, ShapeError, Tensor } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packBits } from './pack-bits.ts'
import { unpackBits } from './unpack-bits.ts'

const rows = fc
  .record({ bits: fc.integer({ min: 1, max: 16 }), rows: fc.nat(4), columns: fc.nat(40) })
  .chain(({ bits, rows, columns }) => {
    const size = rows * columns
    const codes = fc.array(fc.integer({ min: 0, max: 2 ** bits - 1 }), { minLength: size, maxLength: size })
    return fc.record({ bits: fc.constant(bits), dims: fc.constant([rows, columns]), codes })
  })

describe('packBits', () => {
  it('takes bits times columns, in whole bytes a row, and is undone by unpackBits', () => {
    fc.assert(
      fc.property(rows, ({ bits, dims, codes }) => {
        const [count, columns] = dims as [number, number]
        const packed = packBits(new Tensor('int32', codes, dims), { bits })
        expect(packed.dims).toEqual([count, Math.ceil((columns * bits) / 8)])
        expect(Array.from(unpackBits(packed, { bits, columns }).data as Uint16Array)).toEqual(codes)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('refuses codes that do not fit', () => {
    const pack = (type: 'uint8' | 'int8' | 'uint16' | 'float32', code: number, bits: number) =>
      packBits(new Tensor(type, [1, code], [2]), { bits })
    expect(() => pack('uint8', 8, 3)).toThrow(
      new ShapeError('[codec/pack-bits] expected codes of 3 bits, from 0 to 7, got 8'),
    )
    expect(() => pack('int8', -1, 8)).toThrow(ShapeError)
    expect(() => pack('uint16', 1, 0)).toThrow(ShapeError)
    expect(() => pack('uint16', 1, 17)).toThrow(ShapeError)
    expect(() => pack('float32', 1, 3)).toThrow(DTypeError)
    expect(() => packBits(new Tensor('uint8', [1], []), { bits: 1 })).toThrow(ShapeError)
  })
})
