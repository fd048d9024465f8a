import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError, ShapeError, TersorError, UnsupportedError } from '@tersor/core-tensor'
import { TensorProto_DataLocation, TensorProto_DataType as Type } from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import { onnxBytes, onnxNode } from '../../testing/onnx-bytes.ts'
import type { RandomAccess } from '../random-access.ts'
import { openOnnx } from './open-onnx.ts'

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

/** A tensor of two floats. */
const pair = (name: string, first = 1) => ({
  ...{ name, dataType: Type.FLOAT, dims: [2n], rawData: floats(first, first + 1) },
})

/** A source that counts what is read of it. */
function counting(bytes: Uint8Array): RandomAccess & { read: RandomAccess['read']; total: number } {
  const source = {
    ...{ byteLength: bytes.length, total: 0 },
    async read(start: number, length: number) {
      source.total += length
      return bytes.subarray(start, start + length)
    },
    close: async () => {},
  }
  return source
}

/** Reads the only tensor of a file. */
async function readOne(tensor: Parameters<typeof onnxNode>[2][string] & { t: object }) {
  const file = await openOnnx(onnxBytes({ initializer: [{ name: 'w', ...tensor.t }] }))
  return file.read('w')
}

describe('openOnnx', () => {
  it('finds tensors of initializers, constants, other attributes, nested graphs, functions and training', async () => {
    const branch = (first: number) => ({
      initializer: [pair('w', first)],
      node: [onnxNode('Constant', 'c', { value: { t: pair('', first) } })],
    })
    const file = await openOnnx(
      onnxBytes(
        {
          initializer: [pair('w')],
          node: [
            onnxNode('Constant', 'c', { value: { t: pair('ignored', 3) } }),
            onnxNode('ConstantOfShape', 'filled', { value: { t: pair('', 5) } }),
            onnxNode('If', 'chosen', { then_branch: { g: branch(7) }, else_branch: { g: branch(9) } }),
          ],
        },
        {
          functions: [
            { domain: 'own', name: 'f', node: [onnxNode('Constant', 'c', { value: { t: pair('', 11) } })] },
          ],
          trainingInfo: [{ algorithm: { initializer: [pair('rate', 13)] } }],
        },
      ),
    )
    const firsts: Record<string, number> = {}
    for (const name of file.tensors.keys()) firsts[name] = Number((await file.read(name)).data[0])
    expect(firsts).toEqual({
      ...{ w: 1, c: 3, 'filled/value': 5 },
      ...{ 'chosen/then_branch/w': 7, 'chosen/then_branch/c': 7 },
      ...{ 'chosen/else_branch/w': 9, 'chosen/else_branch/c': 9 },
      ...{ 'own.f/c': 11, 'training/0/algorithm/rate': 13 },
    })
    expect(file.graph.operators).toEqual(new Map(Object.entries({ Constant: 4, ConstantOfShape: 1, If: 1 })))
  })

  it('refuses a name that occurs twice', async () => {
    const bytes = onnxBytes({ initializer: [pair('w'), pair('w')] })
    await expect(openOnnx(bytes)).rejects.toThrow('expected each tensor once, got "w" twice')
  })

  it('reads elements from every field that may hold them', async () => {
    const cases = [
      [{ dataType: Type.FLOAT, floatData: [1.5, -2] }, 'float32', Float32Array.of(1.5, -2)],
      [{ dataType: Type.DOUBLE, doubleData: [1.5, -2] }, 'float64', Float64Array.of(1.5, -2)],
      [
        { dataType: Type.INT32, int32Data: [2 ** 31 - 1, -(2 ** 31)] },
        'int32',
        Int32Array.of(2 ** 31 - 1, -(2 ** 31)),
      ],
      [{ dataType: Type.INT8, int32Data: [-128, 127] }, 'int8', Int8Array.of(-128, 127)],
      [{ dataType: Type.UINT16, int32Data: [65535, 0] }, 'uint16', Uint16Array.of(65535, 0)],
      [{ dataType: Type.BOOL, int32Data: [1, 0] }, 'bool', Uint8Array.of(1, 0)],
      [{ dataType: Type.FLOAT16, int32Data: [0x3c00, 0xc000] }, 'float16', Uint16Array.of(0x3c00, 0xc000)],
      [{ dataType: Type.BFLOAT16, int32Data: [0x3f80, 0xc000] }, 'bfloat16', Uint16Array.of(0x3f80, 0xc000)],
      [{ dataType: Type.FLOAT8E4M3FN, int32Data: [0x38, 0xff] }, 'float8e4m3fn', Uint8Array.of(0x38, 0xff)],
      [{ dataType: Type.INT4, int32Data: [0xf1] }, 'int4', Uint8Array.of(0xf1)],
      [
        { dataType: Type.INT64, int64Data: [-1n, 2n ** 62n + 5n] },
        'int64',
        BigInt64Array.of(-1n, 2n ** 62n + 5n),
      ],
      [{ dataType: Type.UINT32, uint64Data: [2n ** 32n - 1n, 0n] }, 'uint32', Uint32Array.of(2 ** 32 - 1, 0)],
      [{ dataType: Type.UINT4, rawData: Uint8Array.of(0x2f) }, 'uint4', Uint8Array.of(0x2f)],
    ] as const
    for (const [held, type, data] of cases) {
      const t = { ...held, dims: [2n] } as object
      expect(await readOne({ t }), type).toMatchObject({ type, dims: [2], data })
    }
  })

  it('reads single values that are not packed, as old writers left them', async () => {
    // float_data 4 twice, each as four bytes; int64_data 7 twice, each as a varint.
    const floatsAlone = [0x25, ...floats(1), 0x25, ...floats(2)]
    const wholesAlone = [0x38, 0xac, 0x02, 0x38, 0x07]
    const tensor = (name: number, type: number, data: number[]) => {
      const body = [0x08, 2, 0x10, type, 0x42, 1, name, ...data]
      return [0x2a, body.length, ...body]
    }
    const graph = [...tensor(0x66, Type.FLOAT, floatsAlone), ...tensor(0x69, Type.INT64, wholesAlone)]
    const file = await openOnnx(Uint8Array.of(0x3a, graph.length, ...graph))
    expect((await file.read('f')).data).toEqual(Float32Array.of(1, 2))
    expect((await file.read('f', { rows: [1, 2] })).data).toEqual(Float32Array.of(2))
    expect((await file.read('i')).data).toEqual(BigInt64Array.of(300n, 7n))
  })

  it('lists strings, sparse tensors and types that Tersor lacks, and refuses to read them', async () => {
    const file = await openOnnx(
      onnxBytes({
        initializer: [
          { name: 'text', dataType: Type.STRING, dims: [2n], stringData: [floats(1), floats(2, 3)] },
          { name: 'fnuz', dataType: Type.FLOAT8E4M3FNUZ, dims: [2n], rawData: Uint8Array.of(1, 2) },
          { name: 'later', dataType: 99, dims: [2n], rawData: Uint8Array.of(1, 2, 3) },
        ],
        sparseInitializer: [
          {
            values: pair('few'),
            indices: { dataType: Type.INT64, dims: [2n], int64Data: [3n, 7n] },
            dims: [4n, 4n],
          },
        ],
      }),
    )
    expect(
      [...file.tensors].map(([name, { onnxType, dims, byteLength, type }]) => ({
        name,
        onnxType,
        dims,
        byteLength,
        type,
      })),
    ).toEqual([
      { name: 'text', onnxType: 'string', dims: [2], byteLength: 12, type: undefined },
      { name: 'fnuz', onnxType: 'float8e4m3fnuz', dims: [2], byteLength: 2, type: undefined },
      { name: 'later', onnxType: 'type 99', dims: [2], byteLength: 3, type: undefined },
      { name: 'few', onnxType: 'sparse float', dims: [4, 4], byteLength: 10, type: undefined },
    ])
    for (const name of file.tensors.keys()) await expect(file.read(name)).rejects.toThrow(UnsupportedError)
  })

  it('reads only headers on opening, and of rows only their bytes', async () => {
    const [rows, columns] = [1000, 256]
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i)
    const matrix = {
      dataType: Type.FLOAT,
      dims: [BigInt(rows), BigInt(columns)],
      rawData: new Uint8Array(values.buffer),
    }
    const initializer = [1, 2, 3].map(i => ({ ...matrix, name: `w${i}` }))
    const source = counting(onnxBytes({ initializer }))
    const file = await openOnnx(source)
    // The first read fetches a quarter of a megabyte, each that follows on skipped bytes a kilobyte.
    expect(source.total).toBeLessThanOrEqual(2 ** 18 + 3 * 2 ** 10)
    expect(file.model.graph!.initializer[1]).toMatchObject({ name: 'w2', rawData: new Uint8Array(0) })
    source.total = 0
    const { data, dims } = await file.read('w2', { rows: [10, 12] })
    expect(dims).toEqual([2, columns])
    expect(data).toEqual(values.subarray(10 * columns, 12 * columns))
    expect(source.total).toBe(2 * columns * 4)
    await expect(file.read('w2', { rows: [0, 1001] })).rejects.toThrow(ShapeError)
  })

  it('cuts rows of 4-bit elements where they begin on bytes', async () => {
    const t = { dataType: Type.UINT4, dims: [3n, 2n], rawData: Uint8Array.of(0x21, 0x43, 0x65) }
    const odd = { dataType: Type.UINT4, dims: [2n, 3n], rawData: Uint8Array.of(0x21, 0x43, 0x65) }
    const file = await openOnnx(
      onnxBytes({
        initializer: [
          { name: 'w', ...t },
          { name: 'odd', ...odd },
        ],
      }),
    )
    expect((await file.read('w', { rows: [1, 2] })).data).toEqual(Uint8Array.of(0x43))
    await expect(file.read('odd', { rows: [1, 2] })).rejects.toThrow('starts inside a byte')
  })

  it('reads files of more than 2 GiB', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-onnx-'))
    const path = join(folder, 'large.onnx')
    // Three gigabytes of zeros, which lie on no disk, between the head of a tensor and the rest of the model.
    const elements = 3 * 2 ** 30
    const varint = (value: number): number[] =>
      value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
    const head = [0x08, ...varint(elements), 0x10, Type.UINT8, 0x42, 1, 0x77, 0x4a, ...varint(elements)]
    const tensor = [0x2a, ...varint(head.length + elements), ...head]
    const after = [
      0x2a,
      15,
      0x08,
      2,
      0x10,
      Type.UINT8,
      0x42,
      5,
      ...new TextEncoder().encode('after'),
      0x4a,
      2,
      6,
      7,
    ]
    const start = [0x08, 10, 0x3a, ...varint(tensor.length + elements + after.length), ...tensor]
    const end = [...after, 0x42, 2, 0x10, 21]
    const handle = await open(path, 'w')
    await handle.write(Uint8Array.from(start), 0, start.length, 0)
    await handle.write(Uint8Array.from(end), 0, end.length, start.length + elements)
    await handle.close()
    try {
      const file = await openOnnx(path)
      expect(file.tensors.get('w')).toMatchObject({ dims: [elements], byteLength: elements })
      const tail = await file.read('w', { rows: [elements - 2, elements] })
      expect(tail.data).toEqual(Uint8Array.of(0, 0))
      expect((await file.read('after')).data).toEqual(Uint8Array.of(6, 7))
      await file.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('tensors outside of the file', () => {
  const outside = (entries: Record<string, string>) => ({
    ...{ name: 'w', dataType: Type.FLOAT, dims: [2n, 2n], dataLocation: TensorProto_DataLocation.EXTERNAL },
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  })
  const bytesOf = (entries: Record<string, string>) => onnxBytes({ initializer: [outside(entries)] })

  it('are found beside it when they are read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-onnx-'))
    try {
      await writeFile(
        join(folder, 'model.onnx'),
        bytesOf({ location: 'model.data', offset: '4', length: '16' }),
      )
      const file = await openOnnx(join(folder, 'model.onnx'))
      expect(file.locations).toEqual(['model.data'])
      expect(file.tensors.get('w')).toMatchObject({ location: 'model.data', byteLength: 16 })
      await expect(file.read('w')).rejects.toThrow(
        'expected the file "model.data" in the folder of the model',
      )
      await writeFile(join(folder, 'model.data'), floats(0, 1, 2, 3, 4))
      expect((await file.read('w')).data).toEqual(Float32Array.of(1, 2, 3, 4))
      expect((await file.read('w', { rows: [1, 2] })).data).toEqual(Float32Array.of(3, 4))
      await file.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('may be handed over, and have to reach far enough', async () => {
    const asked: string[] = []
    const given = (bytes: Uint8Array) => ({
      open(location: string) {
        asked.push(location)
        return bytes
      },
    })
    const file = await openOnnx(bytesOf({ location: 'parts/a.bin' }), given(floats(1, 2, 3, 4)))
    expect((await file.read('w')).data).toEqual(Float32Array.of(1, 2, 3, 4))
    await file.read('w')
    expect(asked).toEqual(['parts/a.bin'])
    const short = await openOnnx(bytesOf({ location: 'a', offset: '4' }), given(floats(1, 2, 3, 4)))
    await expect(short.read('w')).rejects.toThrow(FormatError)
    const nowhere = await openOnnx(bytesOf({ location: 'a' }))
    await expect(nowhere.read('w')).rejects.toThrow('expected `open`')
  })

  it.each(['../a', 'a/../../b', '/etc/passwd', 'C:\\a', 'a\\b', 'https://a/b', '', 'a//b', 'a%2fb', '..'])(
    'may not lie at %j',
    async location => {
      await expect(openOnnx(bytesOf({ location }))).rejects.toThrow(FormatError)
    },
  )

  it('refuses lengths and offsets that are wrong', async () => {
    for (const wrong of [
      { length: '15' },
      { offset: '-1' },
      { offset: '1e3' },
      { length: '99999999999999999999' },
    ]) {
      await expect(openOnnx(bytesOf({ location: 'a', ...wrong } as Record<string, string>))).rejects.toThrow(
        FormatError,
      )
    }
    await expect(openOnnx(bytesOf({ offset: '0' }))).rejects.toThrow('no location')
  })
})

describe('bad ONNX files', () => {
  it('are told from others', async () => {
    await expect(openOnnx(new Uint8Array(0))).rejects.toThrow('expected a model with a graph')
    await expect(openOnnx(new TextEncoder().encode('{"format": "json"}'))).rejects.toThrow(FormatError)
    await expect(openOnnx(Uint8Array.of(0x08, 8, 0x3a, 0))).rejects.toThrow('versions of its operators')
  })

  it('have as many elements as their shapes say, in a field of their type', async () => {
    for (const t of [
      { dataType: Type.FLOAT, dims: [3n], rawData: floats(1, 2) },
      { dataType: Type.FLOAT, dims: [2n] },
      { dataType: Type.FLOAT, dims: [2n], int32Data: [1, 2] },
      { dataType: Type.INT64, dims: [2n], int64Data: [1n] },
      { dataType: Type.INT64, dims: [2n], int64Data: [1n, 2n, 3n] },
      { dataType: Type.UINT8, dims: [2n], int32Data: [1, 256] },
      { dataType: Type.UINT8, dims: [2n], int32Data: [1, -1] },
      { dataType: Type.UINT32, dims: [1n], uint64Data: [2n ** 32n] },
      { dataType: Type.FLOAT, dims: [-1n], rawData: floats() },
      { dataType: Type.FLOAT, dims: [2n ** 40n, 2n ** 40n], rawData: floats() },
    ])
      await expect(readOne({ t })).rejects.toThrow(FormatError)
  })

  it('are not walked deeper than protocol buffers go', async () => {
    let graph = [0x12, 1, 0x67]
    const inside = (tag: number, bytes: number[]) => {
      const length = bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) | 128, bytes.length >> 7]
      return [tag, ...length, ...bytes]
    }
    for (let i = 0; i < 40; i++) graph = inside(0x0a, inside(0x2a, inside(0x32, graph)))
    await expect(openOnnx(Uint8Array.from(inside(0x3a, graph)))).rejects.toThrow('at most 100 deep')
  })

  it('hold no more than a model does beside its tensors', async () => {
    const text = 'a'.repeat(2 ** 23)
    await expect(openOnnx(onnxBytes({ docString: text, name: text }))).rejects.toThrow('beside tensors')
    const nodes = new Uint8Array(2 ** 21 + 2)
    for (let at = 0; at < nodes.length; at += 2) nodes[at] = 0x0a
    const head = [0x3a, 0x82, 0x80, 0x80, 0x01]
    await expect(openOnnx(Uint8Array.from([...head, ...nodes]))).rejects.toThrow(TersorError)
  }, 20_000)
})
