import { existsSync, readFileSync } from 'node:fs'
import { type DType, dtypeBits, FormatError, ShapeError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeZip } from '../zip/write-zip.ts'
import { npyDTypes } from './npy-dtypes.ts'
import { openNpz } from './open-npz.ts'
import { readNpy } from './read-npy.ts'
import { readNpz } from './read-npz.ts'
import { writeNpy } from './write-npy.ts'
import { writeNpz } from './write-npz.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const plain = ({ type, dims, data }: Tensor) => ({ type, dims, data })

/** A version 1 file of a header's text. */
function npyOf(header: string, data: readonly number[] = []): Uint8Array {
  const text = `\x93NUMPY\x01\x00${String.fromCharCode(header.length & 255, header.length >> 8)}${header}`
  return Uint8Array.from([...Array.from(text, char => char.charCodeAt(0)), ...data])
}

/** What NumPy 2.4 wrote. */
const [saved, fortran, compressed] = [
  `934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c292c207d${'20'.repeat(60)}0a0000c03f000000c0`,
  `934e554d5059010076007b276465736372273a20273c6932272c2027666f727472616e5f6f72646572273a20547275652c20277368617065273a2028322c2033292c207d${'20'.repeat(59)}0a010004000200050003000600`,
  '504b03042d00000008000000210002ecbda9ffffffffffffffff05001400612e6e7079010010008c000000000000004c000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91ac63a9a3a0ab50a14002e062060046226200600504b01022d032d00000008000000210002ecbda94c0000008c000000050000000000000000000000800100000000612e6e7079504b0506000000000100010033000000830000000000',
].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array]

const anyArray = fc
  .record({
    type: fc.constantFrom(...(Object.values(npyDTypes).filter(type => type !== 'float16') as DType[])),
    dims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  })
  .map(
    ({ type, dims }) =>
      new Tensor(
        type,
        Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i % 2),
        dims,
      ),
  )

describe('npy', () => {
  it('reads and writes what numpy.save wrote', () => {
    const array = new Tensor('float32', [1.5, -2], [2])
    expect(plain(readNpy(saved))).toEqual(plain(array))
    expect(writeNpy(array)).toEqual(saved)
  })

  it('transposes Fortran order', () => {
    expect(plain(readNpy(fortran))).toEqual({
      type: 'int16',
      dims: [2, 3],
      data: new Int16Array([1, 2, 3, 4, 5, 6]),
    })
  })

  it('gives every array back', () => {
    fc.assert(
      fc.property(anyArray, array => void expect(plain(readNpy(writeNpy(array)))).toEqual(plain(array))),
    )
    const half = new Tensor('float16', new Uint16Array([0x3c00]), [])
    expect(plain(readNpy(writeNpy(half)))).toEqual(plain(half))
  })

  it('refuses dtypes that one side lacks', () => {
    expect(() => writeNpy(new Tensor('bfloat16', new Uint16Array(1), [1]))).toThrow(UnsupportedError)
    for (const descr of ['<u8', '>u8', '<c8', '|O', '<U3', '|S2', '<f16', '<M8[ns]', '>?', 'f', '']) {
      expect(() => readNpy(npyOf(`{'descr': '${descr}', 'fortran_order': False, 'shape': ()}`))).toThrow(
        UnsupportedError,
      )
    }
    const records = "{'descr': [('a', '<f4', (2,)), ('b', '|O')], 'fortran_order': False, 'shape': (1,)}"
    expect(() => readNpy(npyOf(records, [7]))).toThrow(UnsupportedError)
    expect(() => readNpy(npyOf("{'descr': '|O', 'fortran_order': False, 'shape': ()}"))).toThrow(
      'objects are pickled, which is never run',
    )
  })

  it.each([
    '{"descr": "|i1", "fortran_order": False, "shape": (2, 3)}',
    "{'descr': '|i1', 'fortran_order': False, 'shape': (2L, 3L)}",
    "{'descr': '|i1',\n 'fortran_order': False,\r\n\t'shape': (2, 3,), }  \n",
    "{'shape':(2,3),'fortran_order':False,'descr':'i1'}",
    "{'descr': '>i1', 'fortran_order': False, 'shape': [2, 3]}",
  ])('reads the header %j, as NumPy does', header => {
    expect(plain(readNpy(npyOf(header, [1, 2, 3, 4, 5, 6])))).toEqual({
      type: 'int8',
      dims: [2, 3],
      data: Int8Array.of(1, 2, 3, 4, 5, 6),
    })
  })

  it.each(Object.entries(npyDTypes))(
    'reads %s in the other byte order, Fortran order too',
    (little, type) => {
      const width = dtypeBits[type] / 8
      const data = Array.from({ length: 6 * width }, (_, i) => (type === 'bool' ? i % 2 : i + 1))
      const turned = Array.from(data, (_, i) => data[i - (i % width) + width - 1 - (i % width)]!)
      for (const order of ['False', 'True']) {
        const header = (descr: string) => `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (2, 3)}`
        const expected = plain(readNpy(npyOf(header(little), data)))
        expect(plain(readNpy(npyOf(header(little.replace(/[<|]/, '>')), turned)))).toEqual(expected)
        expect(plain(readNpy(npyOf(header(little.replace(/[<|]/, '=')), data)))).toEqual(expected)
      }
    },
  )

  it.each([
    '',
    '{}',
    "{'descr': '|u1', 'fortran_order': False}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'descr': '|u1'}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': True}",
    `${'['.repeat(4000)}${']'.repeat(4000)}`,
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': ('1',)}",
    "{'descr': '|u1', 'fortran_order': False 'shape': (1,)}",
    "{'descr': '|u1\", 'fortran_order': False, 'shape': (1,)}",
    "{1: '|u1', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1.0,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} {}",
    "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '|u1', 'fortran_order': 1, 'shape': (1,)}",
    "{'descr': True, 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1 1,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
    `{'descr': '|u1', 'fortran_order': False, 'shape': (${'1'.repeat(9000)}`,
    "x{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
  ])('refuses the header %s', header => {
    expect(() => readNpy(npyOf(header, [7]))).toThrow(FormatError)
  })

  it('refuses what is not .npy or is cut short', () => {
    for (let length = 0; length < saved.length; length++)
      expect(() => readNpy(saved.subarray(0, length))).toThrow(FormatError)
  })
})

describe('npz', () => {
  it('reads what numpy.savez_compressed wrote', async () => {
    const arrays = await readNpz(compressed)
    expect([...arrays.keys()]).toEqual(['a'])
    expect(plain(arrays.get('a')!)).toEqual({ type: 'int32', dims: [3], data: new Int32Array([0, 1, 2]) })
  })

  it.each([false, true])('gives every array back, compress: %s', async compress => {
    const names = fc.uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(names, fc.array(anyArray, { minLength: 4, maxLength: 4 }), async (names, arrays) => {
        const entries = names.map((name, i) => [name, arrays[i]!] as const)
        const read = await readNpz(await writeNpz(entries, { compress }))
        expect([...read].map(([name, array]) => [name, plain(array)])).toEqual(
          entries.map(([name, array]) => [name, plain(array)]),
        )
      }),
      { numRuns: 40 },
    )
  })

  it('refuses names twice, bombs, damage and what is no archive', async () => {
    const one = new Tensor('uint8', [1], [1])
    await expect(
      writeNpz([
        ['a', one],
        ['a', one],
      ]),
    ).rejects.toThrow(FormatError)
    await expect(readNpz(new Uint8Array(10))).rejects.toThrow(FormatError)
    await expect(readNpz(compressed, { maxBytes: 11 })).rejects.toThrow('raise maxBytes')
    const directory = compressed.length - 22 - 51
    for (const [at, value, message] of [
      [24, 2 ** 31, 'to hold what'],
      [24, 50, 'expected a header'],
      [24, 139, 'expected 12 bytes of data'],
      [24, 500, 'expected 12 bytes of data'],
      [16, 1, 'checksum'],
      [10, 12, 'method 12'],
      [8, 1, 'without encryption'],
      [42, 9, 'to start at 9'],
      [42, 2 ** 31, 'between 0 and'],
    ] as const) {
      const bytes = compressed.slice()
      const view = new DataView(bytes.buffer)
      if (at === 8 || at === 10) view.setUint16(directory + at, value, true)
      else view.setUint32(directory + at, value, true)
      await expect(readNpz(bytes), message).rejects.toThrow(message)
    }
  })

  it('reads zip64, whose sizes and places are in wider fields', async () => {
    const directory = compressed.length - 22 - 51
    const ones = 0xffffffff
    const entry = new Uint8Array(51 + 28)
    entry.set(compressed.subarray(directory, directory + 51))
    const entryView = new DataView(entry.buffer)
    const [compressedSize, size] = [entryView.getUint32(20, true), entryView.getUint32(24, true)]
    for (const field of [20, 24, 42]) entryView.setUint32(field, ones, true)
    entryView.setUint16(30, 28, true)
    entryView.setUint32(51, 1 | (24 << 16), true)
    for (const [i, value] of [size, compressedSize, 0].entries())
      entryView.setBigUint64(55 + 8 * i, BigInt(value), true)

    const end = new DataView(new ArrayBuffer(56 + 20 + 22))
    end.setUint32(0, 0x06064b50, true)
    end.setBigUint64(32, 1n, true)
    end.setBigUint64(40, BigInt(entry.length), true)
    end.setBigUint64(48, BigInt(directory), true)
    end.setUint32(56, 0x07064b50, true)
    end.setBigUint64(56 + 8, BigInt(directory + entry.length), true)
    end.setUint32(76, 0x06054b50, true)
    for (const field of [88, 92]) end.setUint32(field, ones, true)

    const archive = new Blob([compressed.slice(0, directory), entry, end.buffer])
    expect([...(await readNpz(archive)).get('a')!.data]).toEqual([0, 1, 2])
  })

  const one = (header: string, data: number[]) => npyOf(header.padEnd(60), data)
  const mixed = (compress: boolean) =>
    writeZip(
      [
        ['a.npy', writeNpy(new Tensor('float32', [0, 1, 2, 3, 4, 5], [3, 2]))],
        ['n.npy', one("{'descr': '<u8', 'fortran_order': False, 'shape': (2,)}", Array(16).fill(255))],
        ['o.npy', one("{'descr': '|O', 'fortran_order': False, 'shape': ()}", [0x80, 4, 0x4e, 0x2e])],
        ['columns.npy', one("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 2)}", [1, 3, 2, 4])],
        [
          'cube.npy',
          one("{'descr': '>i2', 'fortran_order': False, 'shape': (2, 1, 2)}", [0, 1, 0, 2, 0, 3, 0, 4]),
        ],
        ['README.md', new TextEncoder().encode('not an array')],
        ['folder/', new Uint8Array(0)],
      ],
      { compress },
    )

  it.each([false, true])(
    'lists arrays that are not supported, and refuses those alone, compress: %s',
    async compress => {
      const file = await openNpz(await mixed(compress))
      expect(Array.from(file.tensors, ([name, { descr, type, dims }]) => [name, descr, type, dims])).toEqual([
        ['a', '<f4', 'float32', [3, 2]],
        ['n', '<u8', undefined, [2]],
        ['o', '|O', undefined, []],
        ['columns', '|i1', 'int8', [2, 2]],
        ['cube', '>i2', 'int16', [2, 1, 2]],
      ])
      expect(plain(await file.read('a'))).toEqual({
        type: 'float32',
        dims: [3, 2],
        data: Float32Array.of(0, 1, 2, 3, 4, 5),
      })
      expect(plain(await file.read('a', { rows: [1, 2] }))).toEqual({
        type: 'float32',
        dims: [1, 2],
        data: Float32Array.of(2, 3),
      })
      expect([...(await file.read('columns', { rows: [1, 2] })).data]).toEqual([3, 4])
      expect(plain(await file.read('cube', { rows: [1, 2], flat: true }))).toEqual({
        type: 'int16',
        dims: [1, 2],
        data: Int16Array.of(3, 4),
      })
      expect((await file.read('cube', { flat: true })).dims).toEqual([2, 2])
      await expect(file.read('a', { rows: [1, 4] })).rejects.toThrow(ShapeError)
      await expect(file.read('n')).rejects.toThrow(UnsupportedError)
      await expect(file.read('o')).rejects.toThrow('never run')
      await expect(file.read('README.md')).rejects.toThrow('expected one of 5 tensors')
      await expect(readNpz(await mixed(compress))).rejects.toThrow(UnsupportedError)
    },
  )

  it('reads headers alone to open, and of what is not compressed the rows alone', async () => {
    const rows = new Tensor('float32', new Float32Array(1e6), [1e4, 100])
    for (const compress of [false, true]) {
      const bytes = await writeNpz([['w', rows]], { compress })
      let asked = 0
      const source = {
        byteLength: bytes.length,
        async read(start: number, length: number) {
          asked += length
          return bytes.subarray(start, start + length)
        },
        close: async () => {},
      }
      const file = await openNpz(source)
      expect(asked).toBeLessThan(200_000)
      asked = 0
      expect((await file.read('w', { rows: [7, 9] })).dims).toEqual([2, 100])
      if (!compress) expect(asked).toBe(30 + 800)
    }
  })

  const published = new URL('g2p-en/checkpoint20.npz', shared)
  it.skipIf(!existsSync(published))('reads a published archive (in ../shared/data)', async () => {
    const arrays = await readNpz(published)
    expect(arrays.size).toBe(12)
    expect(arrays.get('dec_w_ih')).toMatchObject({ type: 'float32', dims: [768, 256] })
  })
})

const cases = new URL('cases-real-files/', shared)
describe.skipIf(!existsSync(cases))('arrays as they are met (cases-real-files in ../shared/data)', () => {
  it.each(['npy-big-endian', 'npy-double-quotes'])('%s is read as NumPy reads it', name => {
    const array = readNpy(readFileSync(new URL(`${name}/a.npy`, cases)))
    expect(plain(array)).toEqual({ type: 'float32', dims: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) })
  })

  it('npz-one-unsupported has an array that can be read, and one that is listed', async () => {
    const file = await openNpz(new URL('npz-one-unsupported/a.npz', cases))
    expect([...(await file.read('a')).data]).toEqual([0, 1, 2, 3])
    expect(file.tensors.get('n')).toMatchObject({ descr: '<u8', type: undefined })
    await expect(file.read('n')).rejects.toThrow(UnsupportedError)
    await file.close()
  })
})
