import { describe, expect, it } from 'vitest'
import { DTypeError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { Rng } from '../rng.ts'
import { Tensor } from '../tensor/tensor.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import { hostTensor, normals } from '../testing/cases/fixtures.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
import { byteLength, decode, type Encoded, isEncoded } from './encoded.ts'
import { affine } from './kinds/affine.ts'
import { codebook } from './kinds/codebook.ts'
import { concat } from './kinds/concat.ts'
import { dense } from './kinds/dense.ts'
import { hadamard } from './kinds/hadamard.ts'
import { permuted } from './kinds/permuted.ts'
import { product } from './kinds/product.ts'
import { scaled } from './kinds/scaled.ts'
import { sparse } from './kinds/sparse.ts'
import { sum } from './kinds/sum.ts'
import { selectRows } from './select-rows.ts'

const bytes = (dims: readonly [number, number]) =>
  new Tensor(
    'uint8',
    Uint8Array.from({ length: dims[0] * dims[1] }, (_, i) => 37 * i),
    dims,
  )
const normal = (dims: readonly [number, number]) =>
  hostTensor('float32', dims, normals(new Rng(dims[0]), dims[0] * dims[1]))
const floats = (dims: readonly [number, number]) => cast(normal(dims), 'float16')

/** 6 rows of 8 codes of 4 bits, in groups of 4 along a row. */
const grouped = affine(
  { codes: bytes([6, 4]), scale: floats([6, 2]), zero: new Tensor('uint4', bytes([1, 6]).data, [6, 2]) },
  { dims: [6, 8], bits: 4, group: 4, axis: 1 },
)
/** The same codes in groups of 2 down a column. */
const down = affine(
  { codes: bytes([6, 4]), scale: floats([3, 8]) },
  { dims: [6, 8], bits: 4, group: 2, axis: 0 },
)

/** The kinds in a tree, and the dtypes of its tensors. */
function shapeOf(w: Tensor | Encoded): string {
  if (!isEncoded(w)) return w.type
  return `${w.encoding.kind}(${Object.values(w.parts).map(shapeOf).join(' ')})`
}

describe('selectRows', () => {
  const last = new Tensor('int32', [3, 2, 1, 0, 4, 5], [6])
  const values = new Tensor('float32', [1, 2, 3, 4, 5, 6], [6])
  const starts = new Tensor('int32', [0, 1, 2, 3, 4, 5, 6], [7])

  const odd = Int32Array.of(5, 0, 3, 3)
  it.each<[string, Tensor | Encoded, string]>([
    ['a tensor', floats([6, 8]), 'float16'],
    ['4-bit integers', new Tensor('uint4', bytes([1, 9]).data, [6, 3]), 'uint4'],
    ['dense', dense(floats([6, 8])), 'dense(float16)'],
    ['affine along a row', grouped, 'affine(uint8 float16 uint4)'],
    [
      'affine with scales of scales',
      affine(
        {
          codes: bytes([6, 8]),
          scale: affine(
            { codes: bytes([6, 2]), scale: floats([6, 1]) },
            { dims: [6, 2], bits: 8, group: 2, axis: 1 },
          ),
        },
        { dims: [6, 8], bits: 8, group: 4, axis: 1 },
      ),
      'affine(uint8 affine(uint8 float16))',
    ],
    [
      'affine with one scale for all rows',
      affine({ codes: bytes([6, 4]), scale: floats([1, 8]) }, { dims: [6, 8], bits: 4, group: 6, axis: 0 }),
      'affine(uint8 float16)',
    ],
    ['affine down a column that is broken up', down, 'float32'],
    [
      'codebook',
      codebook(
        { codes: bytes([6, 8]), table: normal([256, 1]), scale: floats([6, 1]) },
        { dims: [6, 8], bits: 8 },
      ),
      'codebook(uint8 float32 float16)',
    ],
    [
      'sparse n of m',
      sparse(
        { values: floats([6, 2]), index: new Tensor('uint8', [4, 8, 9, 1, 2, 6], [6, 1]) },
        { dims: [6, 8], pattern: 'nOfM', n: 1, m: 4 },
      ),
      'sparse(float16 uint8)',
    ],
    [
      'sparse mask',
      sparse(
        { values, index: new Tensor('uint8', [1, 2, 4, 8, 16, 128], [6, 1]), starts },
        { dims: [6, 8], pattern: 'mask' },
      ),
      'sparse(float32 uint8 int32)',
    ],
    [
      'sparse rows',
      sparse(
        { values, index: new Tensor('int32', [0, 7, 1, 6, 2, 5], [6]), starts },
        { dims: [6, 8], pattern: 'rows' },
      ),
      'sparse(float32 int32 int32)',
    ],
    ['hadamard', hadamard({ size: 6, seed: 3 }), 'float32'],
    ['sum', sum(grouped, down, normal([6, 8])), 'sum(affine(uint8 float16 uint4) float32 float32)'],
    [
      'product',
      product(normal([6, 2]), hadamard({ size: 2, seed: 1 }), normal([2, 8])),
      'product(float32 hadamard() float32)',
    ],
    ['scaled by row', scaled(grouped, values, 0), 'scaled(affine(uint8 float16 uint4) float32)'],
    [
      'scaled by column',
      scaled(grouped, floats([1, 8]).reshape([8]), 1),
      'scaled(affine(uint8 float16 uint4) float16)',
    ],
    ['permuted columns', permuted(normal([2, 6]), last, 1), 'permuted(float32 int32)'],
    ['permuted rows', permuted(floats([6, 8]), last, 0), 'dense(float16)'],
    ['concat of columns', concat(1, grouped, normal([6, 1])), 'concat(affine(uint8 float16 uint4) float32)'],
    ['concat of rows', concat(0, grouped, normal([2, 8])), 'concat(affine(uint8 float16 uint4))'],
  ])('keeps the form of %s, or decodes what has none', (_, weight, form) => {
    const rows = weight.dims[0] === 2 ? Int32Array.of(1, 0) : odd
    const some = selectRows(weight, rows)
    expect(shapeOf(some)).toBe(form)
    expect(byteLength(some)).toBeLessThanOrEqual(form === 'float32' ? 6 * 8 * 4 : byteLength(weight))
  })

  it('keeps groups down the rows that stay whole', () => {
    const some = selectRows(down, Int32Array.of(4, 5, 1, 0, 5))
    expect(shapeOf(some)).toBe('affine(uint8 float16)')
    expect(decode(some).data).toEqual(decode(selectRows(decode(down), Int32Array.of(4, 5, 1, 0, 5))).data)
  })

  it('puts rows of several blocks in order', () => {
    const blocks = concat(0, grouped, normal([2, 8]))
    const rows = Int32Array.of(7, 0, 6, 2)
    const some = selectRows(blocks, rows)
    expect(shapeOf(some)).toBe('permuted(concat(affine(uint8 float16 uint4) float32) int32)')
    expect(decode(some).data).toEqual(selectRows(decode(blocks), rows).data)
    const stacked = selectRows(blocks, Int32Array.of(2, 0, 7, 6))
    expect(shapeOf(stacked)).toBe('concat(affine(uint8 float16 uint4) float32)')
    expect(shapeOf(selectRows(blocks, [6, 8]))).toBe('concat(float32)')
  })

  it('shares the memory of a range, and copies rows of a list', () => {
    const buffersOf = (w: Tensor | Encoded): ArrayBufferLike[] =>
      isEncoded(w) ? Object.values(w.parts).flatMap(buffersOf) : [w.data.buffer]
    const weight = concat(0, sum(grouped, floats([6, 8])), scaled(normal([6, 8]), values, 0))
    const own = new Set(buffersOf(weight))
    expect(buffersOf(selectRows(weight, [2, 9])).filter(buffer => !own.has(buffer))).toEqual([])
    expect(buffersOf(selectRows(weight, odd)).filter(buffer => own.has(buffer))).toEqual([])
    // Rows of 3 elements of 4 bits: every other one begins on a byte.
    const nibbles = new Tensor('uint4', bytes([1, 9]).data, [6, 3])
    expect(selectRows(nibbles, [2, 4]).data.buffer).toBe(nibbles.data.buffer)
    expect([...cast(selectRows(nibbles, [1, 4]), 'uint8').data]).toEqual([
      ...cast(nibbles, 'uint8').data.slice(3, 12),
    ])
  })

  it('leaves nothing behind on a device', () => {
    const device = new GrowingDevice()
    const base = dense(device.upload(floats([6, 8])))
    const weight = permuted(base, device.upload(last), 0)
    const before = new Set(device.live)
    const some = selectRows(weight, odd)
    const made = [...device.live].filter(memory => !before.has(memory))
    expect(made).toEqual(tensorsOf(some).map(({ memory }) => memory))
  })

  it('says what is wrong', () => {
    expect(() => selectRows(grouped, [2, 7])).toThrow('[selectRows] expected 0 ≤ start ≤ end ≤ 6, got 2 to 7')
    expect(() => selectRows(grouped, Int32Array.of(0, 6))).toThrow(
      '[selectRows] expected rows from 0 to 5, got 6',
    )
    expect(() => selectRows(new Tensor('float32', [1], []), [0, 1])).toThrow(ShapeError)
    expect(() => selectRows('w' as never, [0, 1])).toThrow(DTypeError)
  })
})
