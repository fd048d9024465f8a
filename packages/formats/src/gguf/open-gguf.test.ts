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

  it('lists tensors of types that are not known, up to the next tensor, and refuses only to read them', async () => {
    const numbers = Uint8Array.of(1, 2, 3, 4)
    const file = await openGguf(
      ggufBytes({
        tensors: [
          { name: 'new', ne: [5, 3], type: 99, data: u8(40) },
          { name: 'a', ne: [4], type: 24, data: numbers },
          { name: 'empty', ne: [0], type: 99, data: u8(0) },
          { name: 'nvfp4', ne: [64], type: 40, data: u8(36) },
          { name: 'q2_0', ne: [128], type: 42, data: u8(34) },
        ],
      }),
    )
    expect(
      Array.from(file.tensors, ([name, { ggmlType, type, byteLength }]) => [
        name,
        ggmlType,
        type,
        byteLength,
      ]),
    ).toEqual([
      ['new', 'type 99', undefined, 64],
      ['a', 'i8', 'int8', 4],
      ['empty', 'type 99', undefined, 0],
      ['nvfp4', 'nvfp4', undefined, 36],
      ['q2_0', 'q2_0', undefined, 64],
    ])
    expect([...(await file.read('a')).data]).toEqual([1, 2, 3, 4])
    for (const name of ['new', 'nvfp4', 'q2_0', 'empty']) {
      await expect(file.read(name), name).rejects.toThrow(UnsupportedError)
      await expect(file.load(name), name).rejects.toThrow('expected a type that Tersor reads')
    }
  })

  it('reads tensors of five dimensions, as tools in Python write them', async () => {
    const data = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer)
    const file = await openGguf(ggufBytes({ tensors: [{ name: 't', ne: [2, 1, 1, 1, 2], type: 0, data }] }))
    expect(await file.read('t')).toMatchObject({ dims: [2, 1, 1, 1, 2], data: Float32Array.of(1, 2, 3, 4) })
    expect((await file.read('t', { rows: [1, 2], flat: true })).data).toEqual(Float32Array.of(3, 4))
  })

  it('names a key that is no UTF-8, and the keys of values that are refused', async () => {
    const bytes = ggufBytes({ metadata: [['caf?', [0, 1]]] })
    bytes[bytes.indexOf(0x3f)] = 0xe9
    await expect(openGguf(bytes)).rejects.toThrow('"caf\ufffd"')
    const long = ggufBytes({ metadata: [['scores', [9, 6, [1]]]] })
    const length = long.indexOf(0x73) + 'scores'.length + 4 + 4
    new DataView(long.buffer).setBigUint64(length, 2n ** 40n, true)
    await expect(openGguf(long)).rejects.toThrow('bytes left for "scores", got 1099511627776')
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
    ['65 dimensions', { tensors: [tensor({ ne: [4, ...Array(64).fill(1)] })] }],
    ['a type without a size where there are no bytes', { tensors: [tensor({ type: 99, data: u8(0) })] }],
    [
      'a type without a size at the place of another',
      { tensors: [tensor({ type: 99 }), tensor({ name: 's', offset: 0 })] },
    ],
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
    await expect(openGguf(ggufBytes({ metadata: [['a', [13, 0]]] }))).rejects.toThrow(
      'expected metadata of types 0 to 12 for "a", got type 13',
    )
    const ggjt = ggufBytes({})
    ggjt.set(new TextEncoder().encode('tjgg'))
    await expect(openGguf(ggjt)).rejects.toThrow('convert_llama_ggml_to_gguf')
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
