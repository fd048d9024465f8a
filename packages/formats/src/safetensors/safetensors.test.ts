import { existsSync, readFileSync } from 'node:fs'
import {
  type DType,
  decode,
  dense,
  dtypeBits,
  FormatError,
  hostArrayOf,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadWeight } from '../encoded/load-weight.ts'
import { encodeSafetensors } from './encode-safetensors.ts'
import { openSafetensors } from './open-safetensors.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)

/** A file of a header's text and some bytes of data. */
function fileOf(header: string | object, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

const tensor = (begin: number, end: number, shape: unknown = [end - begin], dtype = 'U8') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

const anyTensor = fc
  .record({
    type: fc.constantFrom(...(Object.keys(dtypeBits) as DType[]).filter(type => dtypeBits[type] >= 8)),
    dims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    seed: fc.integer(),
  })
  .map(({ type, dims, seed }) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const bytes = Uint8Array.from(
      { length: (size * dtypeBits[type]) / 8 },
      (_, i) => Math.imul(seed + i, 2654435761) >>> 24,
    )
    const HostArray = hostArrayOf(type)
    return new Tensor(type, new HostArray(bytes.buffer), dims)
  })

const entries = fc.uniqueArray(
  fc.tuple(
    fc.string().filter(name => name !== '__metadata__'),
    anyTensor,
  ),
  {
    selector: ([name]) => name,
    maxLength: 6,
  },
)

const metadata = fc.dictionary(
  fc.string().filter(key => key !== 'tersor'),
  fc.string(),
)

describe('encodeSafetensors and openSafetensors', () => {
  it('give every tensor and the metadata back', async () => {
    await fc.assert(
      fc.asyncProperty(entries, metadata, async (entries, metadata) => {
        const file = await openSafetensors(encodeSafetensors(entries, { metadata }))
        expect(Object.fromEntries(file.metadata)).toEqual(Object.fromEntries(Object.entries(metadata)))
        expect(file.tensors.size).toBe(entries.length)
        for (const [name, { type, dims, byteLength, data }] of entries) {
          expect(file.tensors.get(name)).toMatchObject({ type, dims, byteLength })
          const read = await file.read(name)
          expect({ type: read.type, dims: read.dims, data: read.data }).toEqual({ type, dims, data })
        }
      }),
    )
  })

  it('depend on entries and metadata alone, with data aligned to 8 bytes and elements', () => {
    fc.assert(
      fc.property(entries, metadata, (entries, metadata) => {
        const bytes = encodeSafetensors(entries, { metadata })
        const turned = Object.fromEntries(Object.entries(metadata).reverse())
        expect(encodeSafetensors(entries.toReversed(), { metadata: turned })).toEqual(bytes)
        const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
        expect(length % 8).toBe(0)
        const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
        for (const [name, { type, size }] of entries) {
          if (size > 0) expect(header[name].data_offsets[0] % (dtypeBits[type] / 8)).toBe(0)
        }
      }),
    )
  })

  it('refuse a name twice, reserved names, and metadata that is not text', () => {
    const one = new Tensor('uint8', [1], [1])
    expect(() =>
      encodeSafetensors([
        ['a', one],
        ['a', one],
      ]),
    ).toThrow(FormatError)
    expect(() => encodeSafetensors([['__metadata__', one]])).toThrow(FormatError)
    expect(() => encodeSafetensors([], { metadata: { tersor: '{}' } })).toThrow("without 'tersor'")
    expect(() => encodeSafetensors([], { metadata: { a: 1 as unknown as string } })).toThrow('to be a string')
  })
})

describe('openSafetensors', () => {
  it('lists a dtype that Tersor lacks, and refuses only to read it', async () => {
    const file = await openSafetensors(fileOf({ a: tensor(0, 8, [1], 'U64'), b: tensor(8, 9) }, 9))
    expect(file.tensors.get('a')).toMatchObject({ type: undefined, dtype: 'U64', dims: [1], byteLength: 8 })
    await expect(file.read('a')).rejects.toThrow(UnsupportedError)
    expect((await file.read('b')).size).toBe(1)
    await expect(file.read('c')).rejects.toThrow('expected one of 2 tensors such as "a", "b", got "c"')
  })

  it('lists every dtype of the official reader and those to come, checks their sizes, and reads their bytes', async () => {
    const stored: [dtype: string, shape: number[], bytes: number][] = [
      ['F4', [2, 6], 6],
      ['F6_E2M3', [4], 3],
      ['F6_E3M2', [2, 4], 6],
      ['F8_E8M0', [3], 3],
      ['F8_E4M3FNUZ', [1], 1],
      ['F8_E5M2FNUZ', [1], 1],
      ['U64', [1], 8],
      ['C64', [1], 8],
      ['Q7_NEW', [5], 11],
    ]
    for (const [dtype, shape, bytes] of stored) {
      const file = await openSafetensors(fileOf({ a: tensor(0, bytes, shape, dtype) }, bytes).fill(7, -bytes))
      expect(file.tensors.get('a')).toMatchObject({ type: undefined, dtype, byteLength: bytes })
      expect(await file.readBytes('a')).toEqual(new Uint8Array(bytes).fill(7))
      await expect(file.read('a')).rejects.toThrow(
        `got "${dtype}"; convert the tensor first, or take its bytes`,
      )
      const shorter = openSafetensors(fileOf({ a: tensor(0, bytes - 1, shape, dtype) }, bytes - 1))
      if (dtype === 'Q7_NEW') expect((await shorter).tensors.get('a')!.byteLength).toBe(bytes - 1)
      else await expect(shorter, dtype).rejects.toThrow(`expected ${bytes} bytes for "a", ${dtype}`)
    }
  })

  it('reads bytes of rows, where they begin and end with a byte', async () => {
    const bytes = fileOf({ a: tensor(0, 6, [4, 3], 'F4'), b: tensor(6, 10, [2], 'U16') }, 10)
    bytes.set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], bytes.length - 10)
    const file = await openSafetensors(bytes)
    expect([...(await file.readBytes('a', { rows: [2, 4] }))]).toEqual([3, 4, 5])
    expect([...(await file.readBytes('b', { rows: [1, 2] }))]).toEqual([8, 9])
    for (const rows of [
      [1, 3],
      [0, 1],
      [2, 5],
    ] as const)
      await expect(file.readBytes('a', { rows })).rejects.toThrow(ShapeError)
    await expect(file.readBytes('c')).rejects.toThrow(FormatError)
  })

  it('reads rows, and only their bytes', async () => {
    const values = Float32Array.from({ length: 60 }, (_, i) => i)
    const bytes = encodeSafetensors([
      ['odd', new Tensor('uint8', [1, 2, 3], [3])],
      ['w', new Tensor('float32', values, [5, 3, 4])],
    ])
    const asked: number[] = []
    const source = {
      byteLength: bytes.length,
      async read(start: number, length: number) {
        asked.push(length)
        return bytes.subarray(start, start + length)
      },
      close: async () => {},
    }
    const file = await openSafetensors(source)
    asked.length = 0
    expect(await file.read('w', { rows: [1, 3] })).toMatchObject({
      dims: [2, 3, 4],
      data: values.subarray(12, 36),
    })
    expect([...(await file.read('odd', { rows: [1, 3] })).data]).toEqual([2, 3])
    expect((await file.read('w', { rows: [5, 5] })).dims).toEqual([0, 3, 4])
    expect((await loadWeight(file, 'w', { rows: [4, 5] })).dims).toEqual([1, 3, 4])
    expect(asked).toEqual([96, 2, 48])
    for (const rows of [
      [0, 6],
      [-1, 2],
      [3, 2],
      [0.5, 2],
    ] as const)
      await expect(file.read('w', { rows })).rejects.toThrow(ShapeError)
    await expect(file.read('w', { rows: [2, 6] })).rejects.toThrow(
      '[formats/safetensors] expected rows of "w" within 0 to 5, got 2 to 6',
    )
  })

  it('reads rows of a compressed weight', async () => {
    const weight = dense(new Tensor('int8', [1, 2, 3, 4, 5, 6], [3, 2]))
    const file = await openSafetensors(encodeSafetensors([['w', weight]]))
    const some = await loadWeight(file, 'w', { rows: [1, 3] })
    expect([...decode(some).data]).toEqual([3, 4, 5, 6])
    await expect(loadWeight(file, 'w', { rows: [1, 4] })).rejects.toThrow(ShapeError)
  })

  it('reads a tensor that is not aligned', async () => {
    const bytes = fileOf({ a: tensor(0, 1), b: tensor(1, 5, [1], 'F32') }, 5)
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, 1.5, true)
    expect([...(await (await openSafetensors(bytes)).read('b')).data]).toEqual([1.5])
  })

  const malformed: [string, Uint8Array][] = [
    ['an empty file', new Uint8Array(0)],
    ['half a length', new Uint8Array(4)],
    ['a header past the end', fileOf('{}').subarray(0, 9)],
    ['a length of 2^63', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128)],
    ['no JSON', fileOf('{"a"')],
    ['a space before the brace', fileOf(' {}')],
    ['a list', fileOf('[]')],
    ['invalid UTF-8', fileOf('{"a":{}}').map((byte, i) => (i === 10 ? 0xff : byte))],
    ['deep JSON', fileOf(`{"a":${'['.repeat(9999)}${']'.repeat(9999)}}`)],
    [
      'a name twice',
      fileOf(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
    ],
    ['metadata of numbers', fileOf({ __metadata__: { a: 1 } })],
    ['metadata as a list', fileOf({ __metadata__: [] })],
    ['a tensor as a number', fileOf({ a: 1 })],
    ['no dtype', fileOf({ a: { shape: [], data_offsets: [0, 0] } })],
    ['no shape', fileOf({ a: { dtype: 'U8', data_offsets: [0, 0] } })],
    ['three offsets', fileOf({ a: { dtype: 'U8', shape: [0], data_offsets: [0, 0, 0] } })],
    ['falling offsets', fileOf({ a: tensor(2, 1, [1]) }, 2)],
    ['a fraction', fileOf({ a: tensor(0, 0.5, [1]) }, 1)],
    ['a negative dimension', fileOf({ a: tensor(0, 1, [-1, -1]) }, 1)],
    ['a dimension as text', fileOf({ a: tensor(0, 1, ['1']) }, 1)],
    ['a product past 2^53', fileOf({ a: tensor(0, 0, [2 ** 40, 2 ** 40, 0]) })],
    ['a hundred dimensions', fileOf({ a: tensor(0, 1, Array(100).fill(1)) }, 1)],
    ['offsets past 2^53', fileOf({ a: tensor(0, 2 ** 60, [2 ** 60]) })],
    ['a size that contradicts the shape', fileOf({ a: tensor(0, 3, [1], 'F32') }, 3)],
    ['a hole', fileOf({ a: tensor(0, 1), b: tensor(2, 3) }, 3)],
    ['an overlap', fileOf({ a: tensor(0, 2), b: tensor(1, 3) }, 3)],
    ['data cut short', fileOf({ a: tensor(0, 2) }, 1)],
    ['data left over', fileOf({ a: tensor(0, 2) }, 3)],
  ]

  it.each(malformed)('refuses %s', async (_, bytes) => {
    await expect(openSafetensors(bytes)).rejects.toThrow(FormatError)
  })

  it('takes metadata that are null as none, as the official reader does', async () => {
    const file = await openSafetensors(fileOf({ __metadata__: null, a: tensor(0, 1) }, 1))
    expect([file.metadata.size, [...file.tensors.keys()]]).toEqual([0, ['a']])
  })

  it('ends opening with its signal while the header stalls, and no read afterwards', async () => {
    const bytes = fileOf({ a: tensor(0, 1) }, 1)
    const stop = new AbortController()
    let stalls = true
    const server = {
      byteLength: bytes.length,
      read: async (start: number, length: number, signal?: AbortSignal) => {
        if (start === 8 && stalls) {
          setTimeout(() => stop.abort())
          await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
        }
        return bytes.subarray(start, start + length)
      },
      close: async () => {},
    }
    await expect(openSafetensors(server, { signal: stop.signal })).rejects.toThrow('aborted')
    stalls = false
    const later = new AbortController()
    const file = await openSafetensors(server, { signal: later.signal })
    later.abort()
    expect((await file.read('a')).dims).toEqual([1])
  })

  it('accepts empty tensors that share an offset, in any order of the header', async () => {
    const file = await openSafetensors(
      fileOf({ b: tensor(1, 2), c: tensor(1, 1, [0]), a: tensor(0, 1), d: tensor(2, 2, [3, 0]) }, 2),
    )
    expect([...file.tensors.keys()]).toEqual(['a', 'c', 'b', 'd'])
  })

  const official = [
    'emb-model2vec-test/int8/model',
    'emb-model2vec-test/float16/model',
    'emb-retsim/model',
    'vision-mnist-cnn/mnist',
  ]
    .map(name => new URL(`${name}.safetensors`, shared))
    .filter(url => existsSync(url))

  it
    .skipIf(official.length === 0)
    .each(official.map(url => [url.pathname.split('/').slice(-2).join('/'), url] as const))(
    'reads the published %s, and writes the same bytes',
    async (_, url) => {
      const bytes = new Uint8Array(readFileSync(url))
      const file = await openSafetensors(bytes)
      const entries: [string, Tensor][] = []
      for (const name of file.tensors.keys()) entries.push([name, await file.read(name)])
      const again = encodeSafetensors(entries, { metadata: Object.fromEntries(file.metadata) })
      expect(Buffer.compare(again, bytes)).toBe(0)
    },
  )
})
