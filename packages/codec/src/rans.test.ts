import { createHash } from 'node:crypto'
import {
  affine,
  byteLength,
  DTypeError,
  decode,
  dense,
  type Encoded,
  encoded,
  FormatError,
  linear,
  Rng,
  ShapeError,
  Tensor,
  TersorError,
  withParts,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { describeEncoding } from '@tersor/core-tensor/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rans, ransEncoding } from './rans.ts'
import { symbolFrequencies } from './symbol-frequencies.ts'

/** Bytes of which some are frequent. */
function skewed(seed: number, dims: readonly number[], spread = 12): Tensor {
  const rng = new Rng(seed)
  const size = dims.reduce((a, b) => a * b, 1)
  return new Tensor(
    'uint8',
    Uint8Array.from({ length: size }, () =>
      Math.max(0, Math.min(255, 128 + Math.round(spread * rng.normal()))),
    ),
    dims,
  )
}

const lossless = (original: Tensor, e: Encoded) => () => ({ original, encoded: e, bound: 0 })
const matrix = skewed(1, [40, 31])

describeEncoding('rans in one chunk', lossless(matrix, rans(matrix)))
describeEncoding('rans in chunks of rows', lossless(matrix, rans(matrix, { rows: 7 })))
describeEncoding(
  'rans in chunks of a row, with 32 lanes',
  lossless(matrix, rans(matrix, { rows: 1, lanes: 32 })),
)
describeEncoding('rans of all bytes, whose frequencies need no symbols', () => {
  const original = skewed(2, [64, 40], 200)
  return { original, encoded: rans(original), bound: 0 }
})
describeEncoding('rans of a vector', () => {
  const original = skewed(3, [101])
  return { original, encoded: rans(original, { rows: 10 }), bound: 0 }
})
describeEncoding('rans of three dimensions, whose chunks end inside entries', () => {
  const original = skewed(4, [5, 6, 7])
  return { original, encoded: rans(original, { rows: 4 }), bound: 0 }
})
describeEncoding('rans of one symbol', () => {
  const original = new Tensor('uint8', new Uint8Array(600).fill(7), [20, 30])
  return { original, encoded: rans(original, { rows: 5, lanes: 1 }), bound: 0 }
})
describeEncoding('rans of no rows', () => {
  const original = new Tensor('uint8', [], [0, 8])
  return { original, encoded: rans(original), bound: 0 }
})
describeEncoding('rans of int8', () => {
  const original = new Tensor(
    'int8',
    (matrix.data as Uint8Array).map(x => x ^ 128),
    [40, 31],
  )
  return { original, encoded: rans(original, { rows: 7 }), bound: 0 }
})
describeEncoding('rans of float8, which is multiplied', () => {
  const rng = new Rng(5)
  const weight = new Tensor(
    'float32',
    Float32Array.from({ length: 40 * 31 }, () => rng.normal()),
    [40, 31],
  )
  const original = cast(weight, 'float8e4m3fn')
  return { original, encoded: rans(original, { rows: 9 }), bound: 0 }
})
describeEncoding('dense float8 behind rans', () => {
  const rng = new Rng(6)
  const original = new Tensor(
    'float32',
    Float32Array.from({ length: 40 * 31 }, () => rng.normal()),
    [40, 31],
  )
  return { original, encoded: dense(rans(cast(original, 'float8e4m3fn'))), bound: 2 ** -4, atLeast: 1e-3 }
})
describeEncoding('affine with codes and zeros behind rans', () => {
  const codes = skewed(7, [24, 16], 3)
  const zero = new Tensor('uint8', new Uint8Array(48).fill(8), [24, 2])
  const scale = new Tensor('float32', new Float32Array(48).fill(0.25), [24, 2])
  const layout = { dims: [24, 32], bits: 4, group: 16, axis: 1 }
  const encoded = affine({ codes: rans(codes, { rows: 5 }), scale, zero: rans(zero) }, layout)
  return { original: decode(affine({ codes, scale, zero }, layout)), encoded, bound: 0 }
})

describe('rans', () => {
  it('codes near the entropy of the bytes, with a table of those that are there', () => {
    const rng = new Rng(8)
    const values = Float32Array.from({ length: 2 ** 16 }, () => 0.02 * rng.normal())
    const bits = cast(new Tensor('float32', values, [256, 256]), 'bfloat16').data as Uint16Array
    const exponents = new Tensor(
      'uint8',
      Uint8Array.from(bits, x => x >> 7),
      [256, 256],
    )
    const coded = rans(exponents)
    const used = new Set(exponents.data as Uint8Array).size
    expect(coded.parts.symbols!.dims).toEqual([used])
    expect(used).toBeLessThan(30)
    const overhead = 3 * used + 4 * 32 + JSON.stringify(coded.meta).length
    const entropy = (entropyOf(exponents) * exponents.size) / 8
    expect(byteLength(coded)).toBeLessThan(1.002 * entropy + overhead)
    expect(byteLength(coded)).toBeGreaterThan(entropy)
  })

  it('makes the packed codes of Gaussian weights shorter by more than 3 %, table and all', () => {
    const codes = gaussianCodes(1024, 1024)
    expect(byteLength(rans(codes)) / codes.byteLength).toBeLessThan(0.97)
  })

  it('writes the same bytes on every engine', () => {
    const { stream, symbols, frequencies, offsets } = rans(matrix, { rows: 7 }).parts as Record<
      string,
      Tensor
    >
    const hash = createHash('sha256')
    for (const part of [stream, symbols, frequencies, offsets]) hash.update(part!.data as Uint8Array)
    expect(hash.digest('hex')).toBe('78324301147f7f569c86bba8c3e8df89d5bfd9004f2a1463aa66e5be9d773fd1')
  })

  it('decodes the chunks that rows lie in, and no others', () => {
    const coded = rans(matrix, { rows: 10 })
    const { stream, offsets } = coded.parts as Record<string, Tensor>
    const bytes = (stream!.data as Uint8Array).slice()
    bytes[(offsets!.data as Uint32Array)[2]! + 1]! ^= 64
    const broken = withParts(coded, { stream: new Tensor('uint8', bytes, stream!.dims) })
    for (const [start, end] of [
      [0, 20],
      [3, 4],
      [30, 40],
      [20, 20],
    ] as const)
      expect(decode(broken, { rows: [start, end] }).data).toEqual(matrix.rows(start, end).data)
    for (const rows of [
      [0, 21],
      [25, 26],
      [29, 40],
    ] as const)
      expect(() => decode(broken, { rows })).toThrow(FormatError)
  })

  it('shares frequencies that it is given', () => {
    const counts = new Uint32Array(256).fill(1)
    for (const symbol of matrix.data as Uint8Array) counts[symbol]! += 1
    const frequencies = symbolFrequencies(counts)
    const [top, bottom] = [matrix.rows(0, 20), matrix.rows(20, 40)].map(half => rans(half, { frequencies }))
    expect(top!.parts.frequencies).toBe(frequencies)
    expect(bottom!.parts.frequencies).toBe(frequencies)
    expect(top!.parts.symbols).toBeUndefined()
    expect(decode(bottom!).data).toEqual(matrix.rows(20, 40).data)
  })

  it('chooses few lanes for little, and as many as long rows need', () => {
    const lanes = (dims: readonly number[]) =>
      rans(new Tensor('uint8', new Uint8Array(dims[0]! * dims[1]!), dims)).meta.lanes
    expect(lanes([128, 64])).toBe(4)
    expect(lanes([128, 512])).toBe(32)
    expect(lanes([2, 300_000])).toBe(256)
    const rows = (lanes: number) =>
      (rans(new Tensor('uint8', new Uint8Array(2 ** 16), [256, 256]), { lanes }).meta.chunk as number) / 256
    expect([1, 4, 8, 64].map(rows)).toEqual([32, 128, 256, 256])
  })

  it('gives back any bytes, and any of their rows, in chunks of any size', () => {
    const shape = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 })
    const options = fc.record({
      rows: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
      lanes: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      precision: fc.option(fc.integer({ min: 8, max: 12 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(
        shape,
        fc.infiniteStream(fc.constantFrom(0, 0, 0, 5, 255, 17)),
        options,
        fc.nat(),
        fc.nat(),
        (dims, bytes, given, a, b) => {
          const size = dims.reduce((x, y) => x * y, 1)
          const symbols = new Tensor(
            'uint8',
            Uint8Array.from({ length: size }, () => bytes.next().value!),
            dims,
          )
          const coded = rans(symbols, given)
          expect(decode(coded).data).toEqual(symbols.data)
          const [start, end] = [a, b].map(x => x % (dims[0]! + 1)).sort((x, y) => x - y) as [number, number]
          const rows = decode(coded, { rows: [start, end] })
          expect(rows.dims).toEqual([end - start, ...dims.slice(1)])
          expect(rows.data).toEqual(symbols.rows(start, end).data)
        },
      ),
      { numRuns: 300, seed: 1 },
    )
  })

  it('refuses what is not bytes, and options that no decoder takes', () => {
    expect(() => rans(new Tensor('uint16', [1], [1]))).toThrow(DTypeError)
    expect(() => rans(new Tensor('uint16', [1], [1]))).toThrow(
      '[codec/rans] expected symbols of 8 bits, got uint16',
    )
    expect(() => rans(new Tensor('uint8', [1], []))).toThrow(ShapeError)
    for (const wrong of [
      { rows: 0 },
      { rows: 1.5 },
      { lanes: 0 },
      { lanes: 257 },
      { precision: 13 },
      { precision: 0 },
    ])
      expect(() => rans(matrix, wrong), JSON.stringify(wrong)).toThrow(ShapeError)
    const long = new Tensor('uint8', new Uint8Array(8193), [1, 8193])
    expect(() => rans(long, { lanes: 1 })).toThrow(
      '[codec/rans] expected at most 8192 symbols a lane, got 8193 for 1; use more lanes, or fewer or shorter rows',
    )
    expect(() => linear(new Tensor('float32', new Float32Array(31), [1, 31]), rans(matrix))).toThrow(
      DTypeError,
    )
  })
})

describe('hostile rans', () => {
  const coded = rans(matrix, { rows: 10 })
  const parts = coded.parts as Record<string, Tensor>
  const tree =
    (changes: Record<string, Tensor>, meta: Record<string, number> = {}) =>
    () =>
      encoded(ransEncoding, 'uint8', [40, 31], { ...parts, ...changes }, { ...coded.meta, ...meta })
  const with_ = (name: string, change: (data: number[]) => void) => {
    const data = Array.from(parts[name]!.data as Uint8Array)
    change(data)
    return { [name]: new Tensor(parts[name]!.type, data, [data.length]) }
  }

  it.each<[string, () => Encoded, string]>([
    [
      'frequencies of another sum',
      tree(
        with_('frequencies', f => {
          f[0]! += 1
        }),
      ),
      'expected frequencies that sum to 4096',
    ],
    [
      'a symbol of frequency 0',
      tree(
        with_('frequencies', f => {
          f[1]! += f[0]!
          f[0] = 0
        }),
      ),
      'each of a frequency',
    ],
    [
      'symbols that fall',
      tree(
        with_('symbols', s => {
          s.reverse()
        }),
      ),
      'expected symbols in rising order',
    ],
    [
      'a symbol twice',
      tree(
        with_('symbols', s => {
          s[1] = s[0]!
        }),
      ),
      'expected symbols in rising order',
    ],
    [
      'offsets past the stream',
      tree(
        with_('offsets', o => {
          o[4]! += 2
        }),
      ),
      'expected offsets from 0 to the',
    ],
    [
      'offsets that fall',
      tree(
        with_('offsets', o => {
          o[2] = o[1]! - 2
        }),
      ),
      'expected 4 states and words of 16 bits in chunk 1',
    ],
    [
      'chunks without room for states',
      tree(
        with_('offsets', o => {
          o[1] = 14
        }),
      ),
      'in chunk 0',
    ],
    [
      'half a word',
      tree(
        with_('offsets', o => {
          o[1]! += 1
        }),
      ),
      'in chunk 0',
    ],
    ['chunks that cut rows', tree({}, { chunk: 311 }), 'expected meta.chunk to hold whole rows'],
    ['a chunk longer than all', tree({}, { chunk: 31 * 41 }), 'and no more than there are'],
    [
      'more symbols a lane than a chunk may have',
      tree({}, { chunk: 31 * 300 * 4 }),
      'meta.chunk to be a whole number from 1 to 32768',
    ],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(FormatError)
    expect(make).toThrow(message)
  })

  it('cannot ask for much by little', () => {
    // Eight bytes of offsets and states for each chunk of 8,192 equal symbols.
    const chunks = 1000
    const huge = encoded(
      ransEncoding,
      'uint8',
      [chunks, 8192],
      {
        stream: new Tensor(
          'uint8',
          new Uint8Array(Uint32Array.from({ length: chunks }, () => 65536).buffer),
          [4 * chunks],
        ),
        offsets: new Tensor(
          'uint32',
          Uint32Array.from({ length: chunks + 1 }, (_, c) => 4 * c),
          [chunks + 1],
        ),
        symbols: new Tensor('uint8', [3], [1]),
        frequencies: new Tensor('uint16', [4096], [1]),
      },
      { chunk: 8192, lanes: 1, precision: 12 },
    )
    const size = chunks * 8192
    expect(size / byteLength(huge)).toBeLessThan(2048)
    expect(decode(huge, { rows: [500, 501] }).data).toEqual(new Uint8Array(8192).fill(3))
    const larger = { ...huge, dims: [chunks, 8192 * 2], meta: { ...huge.meta, chunk: 16384 } }
    expect(() => ransEncoding.check(larger)).toThrow(FormatError)
    const longer = { ...huge, dims: [2 ** 40, 8192] }
    expect(() => ransEncoding.check(longer)).toThrow('expected offsets uint32 [1099511627777]')
  })

  it('is decoded to something or refused, whatever bytes change', () => {
    const names = ['stream', 'symbols', 'frequencies', 'offsets'] as const
    const change = fc.tuple(fc.constantFrom(...names), fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 40 }),
        (changes, start) => {
          const changed = Object.fromEntries(
            names.map(name => {
              const { type, dims, data } = parts[name]!
              const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
              for (const [where, at, value] of changes) if (where === name) bytes[at % bytes.length] = value
              return [name, new Tensor(type, bytes, dims)]
            }),
          )
          try {
            const rows = decode(tree(changed)(), { rows: [start, 40] })
            expect(rows.dims).toEqual([40 - start, 31])
          } catch (error) {
            if (!(error instanceof TersorError)) throw error
          }
        },
      ),
      { numRuns: 1500, seed: 2 },
    )
  })
})

/** Bits a byte. */
function entropyOf({ data }: Tensor): number {
  const counts = new Map<number, number>()
  for (const symbol of data as Uint8Array) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
  return [...counts.values()].reduce((sum, n) => sum - (n / data.length) * Math.log2(n / data.length), 0)
}

/** 4-bit codes of Gaussian weights between the least and the greatest of each 32, packed. */
function gaussianCodes(rows: number, columns: number): Tensor {
  const rng = new Rng(9)
  const packed = new Uint8Array((rows * columns) / 2)
  for (let start = 0; start < rows * columns; start += 32) {
    const group = Float32Array.from({ length: 32 }, () => rng.normal())
    const [low, high] = [Math.min(...group), Math.max(...group)]
    group.forEach((value, i) => {
      const code = Math.round(((value - low) / (high - low)) * 15)
      packed[(start + i) >> 1]! |= code << (4 * (i & 1))
    })
  }
  return new Tensor('uint8', packed, [rows, columns / 2])
}
