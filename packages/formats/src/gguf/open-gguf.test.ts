import { existsSync, readFileSync } from 'node:fs'
import {
  affineEncoding,
  byteLength,
  decode,
  type Encoded,
  FormatError,
  Rng,
  ShapeError,
  UnsupportedError,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { type GgufContents, ggufBytes } from '../../testing/gguf-bytes.ts'
import { openGguf } from './open-gguf.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)
const u8 = (length: number) => new Uint8Array(length)

/** A file of one tensor, too long for a list of bytes. */
function ggufBytesOf(tensor: { name: string; ne: number[]; type: number }, data: Uint8Array): Uint8Array {
  const head = ggufBytes({ tensors: [{ ...tensor, data: u8(0) }] })
  const bytes = new Uint8Array(head.length + data.length)
  bytes.set(head)
  bytes.set(data, head.length)
  return bytes
}

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

  it('loads blocks as they are, and rows of them', async () => {
    const rng = new Rng(7)
    const data = Uint8Array.from({ length: 5 * 2 * 144 }, () => rng.integer(256) & 0x7b)
    const file = await openGguf(
      ggufBytes({
        tensors: [
          { name: 'w', ne: [512, 5], type: 12, data },
          { name: 'vector', ne: [2560], type: 12, data },
          {
            name: 'plain',
            ne: [3, 2],
            type: 26,
            data: new Uint8Array(Int32Array.of(1, 2, 3, 4, 5, 6).buffer),
          },
          { name: 'unread', ne: [256, 1], type: 16, data: u8(66) },
        ],
      }),
    )
    const values = await file.read('w')
    const weight = (await file.load('w')) as Encoded
    expect(weight.encoding).toBe(affineEncoding)
    expect(decode(weight)).toEqual(values)
    for (const rows of [
      [0, 5],
      [1, 3],
      [5, 5],
    ] as const) {
      expect(await file.read('w', { rows })).toMatchObject({ dims: [rows[1] - rows[0], 512] })
      expect((await file.read('w', { rows })).data).toEqual(values.rows(rows[0], rows[1]).data)
      expect(decode(await file.load('w', { rows })).data).toEqual(values.rows(rows[0], rows[1]).data)
    }
    const vector = await file.read('vector')
    expect((await file.read('vector', { rows: [7, 300] })).data).toEqual(vector.rows(7, 300).data)
    expect(decode(await file.load('vector', { rows: [7, 300] })).data).toEqual(vector.rows(7, 300).data)
    expect(await file.load('plain', { rows: [1, 2] })).toMatchObject({
      type: 'int32',
      data: Int32Array.of(4, 5, 6),
    })
    for (const name of ['w', 'vector', 'plain']) {
      await expect(file.read(name, { rows: [0, 5000] })).rejects.toThrow(ShapeError)
      await expect(file.load(name, { rows: [2, 1] })).rejects.toThrow(ShapeError)
    }
    await expect(file.load('unread')).rejects.toThrow(UnsupportedError)
    await expect(file.load('nothing')).rejects.toThrow(FormatError)
  })

  it('reads only the bytes of the rows, a buffer at a time', async () => {
    const rowBytes = 64 * 34
    const data = u8(4000 * rowBytes)
    const bytes = ggufBytesOf({ name: 'w', ne: [2048, 4000], type: 8 }, data)
    const asked: number[] = []
    const source = {
      byteLength: bytes.length,
      async read(start: number, length: number) {
        asked.push(length)
        return bytes.subarray(start, start + length)
      },
      close: async () => {},
    }
    const file = await openGguf(source)
    asked.length = 0
    for (const read of [file.read, file.load]) await read('w', { rows: [10, 20] })
    expect(asked).toEqual([10 * rowBytes, 10 * rowBytes])
    asked.length = 0
    const weight = await file.load('w')
    expect(byteLength(weight) - data.length).toBeLessThan(100)
    expect(asked.reduce((a, b) => a + b)).toBe(data.length)
    expect(Math.max(...asked)).toBeLessThanOrEqual(2 ** 22)
    await expect(file.load('w', { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })

  it('keeps integers of 2^53 and more, and opens files with text that is no UTF-8', async () => {
    const bytes = ggufBytes({
      metadata: [
        ['hash', [10, 2n ** 63n + 5n]],
        ['low', [11, -(2n ** 60n)]],
        ['name', [8, 'caf?']],
        ['tokens', [9, 8, ['a', 'caf?', '?']]],
      ],
    })
    bytes.forEach((byte, i) => {
      if (byte === 0x3f) bytes[i] = 0xe9
    })
    const { metadata, notUtf8 } = await openGguf(bytes)
    expect(metadata.get('hash')).toBe(2n ** 63n + 5n)
    expect(metadata.get('low')).toBe(-(2n ** 60n))
    expect(metadata.get('name')).toBe('caf\ufffd')
    expect(metadata.get('tokens')).toEqual(['a', 'caf\ufffd', '\ufffd'])
    expect([...notUtf8]).toEqual(['name', 'tokens'])
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
