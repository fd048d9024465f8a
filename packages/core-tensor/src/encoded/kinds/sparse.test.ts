import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../errors.ts'
import { cast } from '../../reference/cast.ts'
import { quantizeAffine } from '../../reference/quantize-affine.ts'
import { Rng } from '../../rng.ts'
import { packedRowBytes, packRow } from '../../tensor/bits.ts'
import { toFloat32 } from '../../tensor/convert.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { hostTensor, normals } from '../../testing/cases/fixtures.ts'
import { describeEncoding } from '../../testing/describe-encoding.ts'
import { byteLength, decode, type Encoded } from '../encoded.ts'
import { affine } from './affine.ts'
import { dense } from './dense.ts'
import { sparse } from './sparse.ts'

interface Matrix {
  readonly dims: readonly [rows: number, columns: number]
  readonly values: readonly number[]
}

/** What is not zero in a matrix, and which elements these are, by a mask. */
function maskedParts({ dims: [rows, columns], values }: Matrix) {
  const rowBytes = packedRowBytes(columns, 1)
  const mask = new Uint8Array(rows * rowBytes)
  const kept: number[] = []
  const starts = [0]
  for (let row = 0; row < rows; row++) {
    const line = values.slice(row * columns, (row + 1) * columns)
    packRow(
      line.map(value => (value === 0 ? 0 : 1)),
      1,
      mask,
      row * rowBytes,
    )
    kept.push(...line.filter(value => value !== 0))
    starts.push(kept.length)
  }
  return {
    values: new Tensor('float32', kept, [kept.length]),
    index: new Tensor('uint8', mask, [rows, rowBytes]),
    starts: new Tensor('int32', starts, [rows + 1]),
  }
}

const masked = (matrix: Matrix) => sparse(maskedParts(matrix), { dims: matrix.dims, pattern: 'mask' })

/** Normal numbers, of which some are zero. */
function pruned(dims: readonly [number, number], share: number): Matrix {
  const rng = new Rng(31)
  const values = [...normals(rng, dims[0] * dims[1])].map(Math.fround)
  return { dims, values: values.map(value => (rng.uniform() < share ? 0 : value)) }
}

const original = ({ dims, values }: Matrix) => hostTensor('float32', dims, values)

const half = pruned([13, 27], 0.5)
describeEncoding('sparse mask', () => ({ original: original(half), encoded: masked(half), bound: 0 }))
describeEncoding('sparse mask of float16', () => {
  const { values, ...parts } = maskedParts(half)
  const encoded = sparse({ ...parts, values: cast(values, 'float16') }, { dims: half.dims, pattern: 'mask' })
  return { original: original(half), encoded, bound: 2 ** -11, atLeast: 1e-5 }
})
describeEncoding('sparse mask of values of 4 bits', () => {
  const { values, ...parts } = maskedParts(half)
  const dims = [values.size]
  const grid = { bits: 4, group: 16, axis: 0 }
  const groups = Math.ceil(values.size / 16)
  const scale = new Tensor('float32', new Float32Array(groups).fill(0.4), [groups])
  const zero = new Tensor('uint8', new Uint8Array(groups).fill(8), [groups])
  const small = affine(
    { codes: quantizeAffine(values, scale, { ...grid, zero }), scale, zero },
    { dims, ...grid },
  )
  const encoded = sparse({ ...parts, values: small }, { dims: half.dims, pattern: 'mask' })
  return { original: original(half), encoded, bound: 0.15, atLeast: 0.05 }
})
describeEncoding('sparse mask of nothing', () => {
  const nothing: Matrix = { dims: [5, 9], values: new Array(45).fill(0) }
  return { original: original(nothing), encoded: masked(nothing), bound: 0 }
})

describe('sparse mask', () => {
  it('takes a bit an element and 4 bytes a row beside its values: 9 bits at half of float16', () => {
    const large = pruned([64, 4096], 0)
    const values = large.values.map((value, i) => ((i * 7) % 2 === 0 ? value : 0))
    const { values: kept, ...parts } = maskedParts({ ...large, values })
    const dims = large.dims
    const e = sparse({ ...parts, values: cast(kept, 'float16') }, { dims, pattern: 'mask' })
    expect(byteLength(e)).toBe(2 * 64 * 2048 + 64 * 512 + 4 * 65 + '{"pattern":"mask"}'.length)
    expect((8 * byteLength(e)) / (64 * 4096)).toBeLessThan(9.01)
  })

  const matrices = fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 40 }))
    .chain(([rows, columns]) =>
      fc.record({
        dims: fc.constant([rows, columns] as const),
        values: fc.array(fc.constantFrom(0, 0, 1, -2.5, 3e-3).map(Math.fround), {
          minLength: rows * columns,
          maxLength: rows * columns,
        }),
      }),
    )

  it('gives back any matrix, and any of its rows', () => {
    fc.assert(
      fc.property(matrices, fc.nat(), fc.nat(), (matrix, a, b) => {
        const e = masked(matrix)
        expect([...toFloat32(decode(e))]).toEqual(matrix.values)
        const [rows, columns] = matrix.dims
        const [start, end] = [a % (rows + 1), b % (rows + 1)].sort((x, y) => x - y) as [number, number]
        const some = matrix.values.slice(start * columns, end * columns)
        expect([...toFloat32(decode(e, { rows: [start, end] }))]).toEqual(some)
      }),
      { seed: 1 },
    )
  })

  it('refuses every mask and every beginning of a row that is another', () => {
    fc.assert(
      fc.property(matrices, fc.nat(), fc.nat(), (matrix, at, change) => {
        const { values, index, starts } = maskedParts(matrix)
        const dims = matrix.dims
        const mask = (index.data as Uint8Array).slice()
        if (mask.length > 0) {
          mask[at % mask.length]! ^= 1 << (change % 8)
          const flipped = new Tensor('uint8', mask, index.dims)
          expect(() => sparse({ values, index: flipped, starts }, { dims, pattern: 'mask' })).toThrow(
            FormatError,
          )
        }
        const moved = (starts.data as Int32Array).slice()
        moved[at % moved.length]! += 1 + (change % 3)
        const other = new Tensor('int32', moved, starts.dims)
        expect(() => sparse({ values, index, starts: other }, { dims, pattern: 'mask' })).toThrow(FormatError)
      }),
      { seed: 2 },
    )
  })

  it('says what is wrong', () => {
    const { values, index, starts } = maskedParts({ dims: [2, 3], values: [1, 0, 2, 0, 3, 0] })
    const make = (parts: Partial<Record<'values' | 'index' | 'starts', Tensor | Encoded>>) => () =>
      sparse({ values, index, starts, ...parts }, { dims: [2, 3], pattern: 'mask' })
    expect(make({})).not.toThrow()
    expect(make({ index: new Tensor('uint8', [0b101, 0b110], [2, 1]) })).toThrow(
      '[check sparse] expected a bit for each value of row 1, got dims [2,3]',
    )
    // The right number of bits, one of them behind the last column.
    expect(make({ index: new Tensor('uint8', [0b101, 0b1000], [2, 1]) })).toThrow(
      'a bit for each value of row 1',
    )
    expect(make({ values: dense(new Tensor('float32', [1, 2], [2])) })).toThrow(
      'expected starts that rise from 0 to the 2 values, by 3 at most',
    )
    expect(make({ starts: new Tensor('int32', [0, 4, 3], [3]) })).toThrow('starts that rise')
    expect(make({ index: new Tensor('uint8', [5, 2], [1, 2]) })).toThrow('expected index uint8 [2,1]')
    expect(() => sparse({ values, index }, { dims: [2, 3], pattern: 'mask' })).toThrow(
      "expected a part 'starts'",
    )
  })
})
