import { existsSync, readFileSync } from 'node:fs'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { type GgufContents, ggufBytes } from '../../testing/gguf-bytes.ts'
import { openGguf } from './open-gguf.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)
const u8 = (length: number) => new Uint8Array(length)
const tensor = (changes: object = {}) => ({ name: 't', ne: [4], type: 0, data: u8(16), ...changes })

describe('openGguf', () => {
  it.each([2, 3])('reads metadata of every type, version %i', async version => {
    const bytes = ggufBytes({
      version,
      metadata: [
        ['u8', [0, 255]],
        ['i8', [1, -1]],
        ['u16', [2, 65535]],
        ['i16', [3, -2]],
        ['u32', [4, 4294967295]],
        ['i32', [5, -3]],
        ['f32', [6, 0.5]],
        ['bool', [7, true]],
        ['string', [8, 'grüße']],
        ['u64', [10, 2n ** 53n - 1n]],
        ['i64', [11, -4]],
        ['f64', [12, 0.1]],
        ['scores', [9, 6, [1, -0.5]]],
        ['tokens', [9, 8, ['a', '', 'b']]],
        [
          'nested',
          [
            9,
            9,
            [
              [9, 0, [1, 2]],
              [9, 8, ['x']],
            ],
          ],
        ],
      ],
    })
    const { metadata, ...file } = await openGguf(bytes)
    const alone = await openGguf(await file.metadataFile())
    expect(alone.metadata).toEqual(metadata)
    expect(alone.tensors.size).toBe(0)
    expect(file.version).toBe(version)
    expect(Object.fromEntries(metadata)).toEqual({
      u8: 255,
      i8: -1,
      u16: 65535,
      i16: -2,
      u32: 4294967295,
      i32: -3,
      f32: 0.5,
      bool: true,
      string: 'grüße',
      u64: 2 ** 53 - 1,
      i64: -4,
      f64: 0.1,
      scores: [1, -0.5],
      tokens: ['a', '', 'b'],
      nested: [[1, 2], ['x']],
    })
  })

  it('reads tensors that are stored as they are, with dims in row-major order', async () => {
    const data = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer)
    const bytes = ggufBytes({
      alignment: 64,
      metadata: [['general.alignment', [4, 64]]],
      tensors: [
        { name: 'a', ne: [3, 2], type: 0, data },
        { name: 'b', ne: [2], type: 30, data: Uint8Array.of(0x80, 0x3f, 0x00, 0xc0) },
        { name: 'c', ne: [], type: 24, data: Uint8Array.of(255) },
        { name: 'd', ne: [256], type: 16, data: u8(66) },
      ],
    })
    const file = await openGguf(bytes)
    expect(file.tensors.get('a')).toMatchObject({
      ggmlType: 'f32',
      type: 'float32',
      dims: [2, 3],
      byteLength: 24,
    })
    expect([...(await file.read('a')).data]).toEqual([1, 2, 3, 4, 5, 6])
    expect(await file.read('b')).toMatchObject({ type: 'bfloat16', data: new Uint16Array([0x3f80, 0xc000]) })
    expect(await file.read('c')).toMatchObject({ type: 'int8', dims: [], data: new Int8Array([-1]) })
    expect(file.tensors.get('d')).toMatchObject({ ggmlType: 'iq2_xxs', type: undefined, byteLength: 66 })
    await expect(file.read('d')).rejects.toThrow(UnsupportedError)
    await expect(file.read('e')).rejects.toThrow(FormatError)
  })

  it('decodes blocks of several rows', async () => {
    // d = 2, then the codes 0…15 in the low nibbles and 15…0 in the high ones.
    const block = Uint8Array.of(0, 0x40, ...Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4)))
    const data = new Uint8Array([...block, ...block])
    const file = await openGguf(ggufBytes({ tensors: [{ name: 'w', ne: [32, 2], type: 2, data }] }))
    const w = await file.read('w')
    expect(w.dims).toEqual([2, 32])
    expect(w.rows(0, 1).data).toEqual(w.rows(1, 2).data)
    expect([...w.data.slice(0, 16)].map(Number)).toEqual(Array.from({ length: 16 }, (_, i) => 2 * (i - 8)))
  })

  const malformed: [string, GgufContents][] = [
    [
      'a metadata key twice',
      {
        metadata: [
          ['a', [0, 1]],
          ['a', [0, 1]],
        ],
      },
    ],
    ['a uint64 of 2^53', { metadata: [['a', [10, 2n ** 53n]]] }],
    ['arrays five deep', { metadata: [['a', [9, 9, [[9, 9, [[9, 9, [[9, 9, [[9, 0, [1]]]]]]]]]]]] }],
    ['an alignment of 3', { metadata: [['general.alignment', [4, 3]]] }],
    ['an alignment of 0', { metadata: [['general.alignment', [4, 0]]] }],
    ['an alignment as text', { metadata: [['general.alignment', [8, '32']]] }],
    ['a tensor twice', { tensors: [tensor(), tensor()] }],
    ['five dimensions', { tensors: [tensor({ ne: [4, 1, 1, 1, 1] })] }],
    ['more elements than 2^53', { tensors: [tensor({ ne: [2 ** 30, 2 ** 30] })] }],
    ['a row of half a block', { tensors: [tensor({ ne: [16], type: 2 })] }],
    ['an offset that is not aligned', { tensors: [tensor({ offset: 8 })] }],
    ['an offset past the end', { tensors: [tensor({ offset: 2 ** 40 })] }],
    ['overlapping tensors', { tensors: [tensor(), tensor({ name: 's', offset: 0 })] }],
    ['data cut short', { tensors: [tensor({ ne: [64] })] }],
  ]

  it.each(malformed)('refuses %s', async (_, contents) => {
    await expect(openGguf(ggufBytes(contents))).rejects.toThrow(FormatError)
  })

  it('refuses counts that the file cannot hold, at once', async () => {
    for (const at of [8, 16]) {
      for (const count of [3n, 2n ** 20n, 2n ** 63n]) {
        const bytes = ggufBytes({})
        new DataView(bytes.buffer).setBigUint64(at, count, true)
        await expect(openGguf(bytes)).rejects.toThrow(FormatError)
      }
    }
  })

  it('refuses other versions, byte orders and types', async () => {
    await expect(openGguf(ggufBytes({ version: 1 }))).rejects.toThrow(UnsupportedError)
    await expect(openGguf(ggufBytes({ version: 4 }))).rejects.toThrow(UnsupportedError)
    await expect(openGguf(ggufBytes({ version: 3 << 24 }))).rejects.toThrow('big-endian')
    await expect(openGguf(ggufBytes({ metadata: [['a', [13, 0]]] }))).rejects.toThrow(UnsupportedError)
    await expect(openGguf(ggufBytes({ tensors: [tensor({ type: 99 })] }))).rejects.toThrow(UnsupportedError)
    await expect(openGguf(u8(24))).rejects.toThrow("starts with 'GGUF'")
    await expect(openGguf(u8(3))).rejects.toThrow(FormatError)
  })

  const vocabulary = new URL('gguf-vocab/ggml-vocab-llama-spm.gguf', shared)
  it.skipIf(!existsSync(vocabulary))('reads a published vocabulary (in ../shared/data)', async () => {
    const { metadata, tensors } = await openGguf(new Uint8Array(readFileSync(vocabulary)))
    expect(metadata.size).toBe(22)
    expect(tensors.size).toBe(0)
    const tokens = metadata.get('tokenizer.ggml.tokens') as readonly string[]
    expect(tokens.length).toBe(32000)
    expect(tokens[300]).toBe('et')
    expect(metadata.get('llama.attention.layer_norm_rms_epsilon')).toBe(Math.fround(1e-5))
  })
})
