import { existsSync, readFileSync } from 'node:fs'
import { byteLength, decode, type Encoded, isEncoded, Rng, type Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { type GgmlBlocks, ggmlTypes } from '../ggml-types.ts'

const golden = new URL('../../../../../../shared/data/golden/ggml/', import.meta.url)
const types = [...ggmlTypes.values()].filter(({ part }) => part !== undefined)

/** The float32 values of blocks, each decoded by itself. */
function decoded({ decode, blockBytes, blockElements }: GgmlBlocks, bytes: Uint8Array): Float32Array {
  const count = bytes.length / blockBytes
  const values = new Float32Array(count * blockElements)
  for (let i = 0; i < count; i++) decode!(bytes, i * blockBytes, values, i * blockElements)
  return values
}

function encodedOf({ part, blockBytes }: GgmlBlocks, bytes: Uint8Array, leading: readonly number[]): Encoded {
  const count = bytes.length / blockBytes
  const taker = part!.begin(leading, count / leading.reduce((a, b) => a * b, 1))
  for (let i = 0; i < count; i++) taker.take(bytes, i * blockBytes, i)
  return taker.made() as Encoded
}

/** The bits, all NaNs taken for one. */
const bitsOf = (values: Float32Array) =>
  new Uint32Array(values.map(value => (Number.isNaN(value) ? Number.NaN : value)).buffer)

/** The kinds of a tree with the bits and groups of its codes. */
function form(w: Tensor | Encoded): string {
  if (!isEncoded(w)) return w.type
  const { bits, group } = w.meta
  const numbers = Object.entries(w.parts).filter(([name]) => name !== 'codes')
  return `${w.encoding.kind} ${bits}/${group}(${numbers.map(([name, part]) => `${name} ${form(part)}`).join(', ')})`
}

describe('blocks as encodings', () => {
  it.each(types)('are what $name decodes to, for any bytes, bit for bit', type => {
    const rng = new Rng(type.blockBytes)
    const bytes = Uint8Array.from({ length: 6 * 40 * type.blockBytes }, () => rng.integer(256))
    for (const leading of [[6], [2, 3], [240], []]) {
      const e = encodedOf(type, bytes, leading)
      const values = decode(e)
      expect(values.dims).toEqual([
        ...leading,
        (240 / leading.reduce((a, b) => a * b, 1)) * type.blockElements,
      ])
      expect(bitsOf(values.data as Float32Array)).toEqual(bitsOf(decoded(type, bytes)))
    }
  })

  it.each(types)('take the bytes of $name, but for tables and metadata', type => {
    const bytes = new Uint8Array(4096 * type.blockBytes)
    const e = encodedOf(type, bytes, [16])
    const digits = type.name === 'tq1_0' ? (66 - 54) * 4096 : 0
    const more = byteLength(e) - bytes.length - digits
    expect(more).toBeGreaterThanOrEqual(0)
    expect(more).toBeLessThan(type.name === 'mxfp4' ? 1200 : 200)
  })

  it('have these forms', () => {
    const forms = types.map(type => [type.name, form(encodedOf(type, new Uint8Array(type.blockBytes), []))])
    expect(Object.fromEntries(forms)).toEqual({
      q4_0: 'affine 4/32(scale float16, zero uint8)',
      q4_1: 'affine 4/32(scale float16, offset float16)',
      q5_0: 'affine 5/32(scale float16, zero uint8)',
      q5_1: 'affine 5/32(scale float16, offset float16)',
      q8_0: 'affine 8/32(scale float16, zero uint8)',
      q2_K: 'affine 2/16(scale affine 4/16(scale float16), offset affine 4/16(scale float16))',
      q3_K: 'affine 3/16(scale affine 6/16(scale float16, zero uint8), zero uint8)',
      q4_K: 'affine 4/32(scale affine 6/8(scale float16), offset affine 6/8(scale float16))',
      q5_K: 'affine 5/32(scale affine 6/8(scale float16), offset affine 6/8(scale float16))',
      q6_K: 'affine 6/16(scale affine 8/16(scale float16, zero uint8), zero uint8)',
      iq4_nl: 'codebook 4/32(scale float16, table float32)',
      iq4_xs: 'codebook 4/32(scale affine 6/8(scale float16, zero uint8), table float32)',
      tq1_0: 'affine 2/256(scale float16, zero uint8)',
      tq2_0: 'affine 2/256(scale float16, zero uint8)',
      mxfp4: 'codebook 4/32(scale codebook 8/1(table float32), table float32)',
    })
  })
})

describe.skipIf(!existsSync(golden))(
  'blocks as encodings against ggml (golden files in ../shared/data)',
  () => {
    it.each(types.filter(({ name }) => existsSync(new URL(`${name}.q.bin`, golden))))(
      'decode $name',
      type => {
        const stored = new Uint8Array(readFileSync(new URL(`${type.name}.q.bin`, golden)))
        const expected = new Uint8Array(readFileSync(new URL(`${type.name}.f32.bin`, golden)))
        const values = decode(encodedOf(type, stored, [2])).data as Float32Array
        expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected))).toBe(0)
      },
    )
  },
)
