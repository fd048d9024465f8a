import { createHash } from 'node:crypto'
import { DTypeError, Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ransDecode } from './rans-decode.ts'
import { type RansEncodeOptions, type RansStream, ransEncode } from './rans-encode.ts'
import { symbolFrequencies } from './symbol-frequencies.ts'

const tensor = (symbols: Uint8Array) => new Tensor('uint8', symbols, [symbols.length])

function decode({ stream, ...layout }: RansStream, size: number): Uint8Array {
  const out = new Tensor('uint8', new Uint8Array(size), [size])
  return ransDecode(stream, { ...layout, out }).data as Uint8Array
}

/** The chunk that the format asks for, from its definition, in integers of any size. */
function slowEncode(
  symbols: readonly number[],
  frequencies: ArrayLike<number>,
  precision: bigint,
  lanes: number,
) {
  const first = (s: number) =>
    Array.from(frequencies)
      .slice(0, s)
      .reduce((a, b) => a + b, 0)
  const states = new Array<bigint>(lanes).fill(1n << 16n)
  const words: bigint[] = []
  for (let i = symbols.length - 1; i >= 0; i--) {
    const f = BigInt(frequencies[symbols[i]!]!)
    let x = states[i % lanes]!
    if (x >= f << (32n - precision)) {
      words.unshift(x % 65536n)
      x /= 65536n
    }
    states[i % lanes] = ((x / f) << precision) + (x % f) + BigInt(first(symbols[i]!))
  }
  const bytes = (x: bigint, count: number) =>
    Array.from({ length: count }, (_, i) => Number((x >> BigInt(8 * i)) & 255n))
  return [...states.flatMap(x => bytes(x, 4)), ...words.flatMap(x => bytes(x, 2))]
}

/** Bits of all symbols by their own frequencies: n · H. */
function entropyBits(symbols: Uint8Array): number {
  const counts = new Map<number, number>()
  for (const s of symbols) counts.set(s, (counts.get(s) ?? 0) + 1)
  return [...counts.values()].reduce((bits, n) => bits + n * Math.log2(symbols.length / n), 0)
}

function geometric(rng: Rng, size: number, ratio: number): Uint8Array {
  return Uint8Array.from({ length: size }, () =>
    Math.min(255, Math.floor(Math.log(1 - rng.uniform()) / Math.log(ratio))),
  )
}

const options: fc.Arbitrary<{ precision: number; lanes: number; chunk: number }> = fc.record({
  precision: fc.integer({ min: 1, max: 12 }),
  lanes: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(32)),
  chunk: fc.integer({ min: 1, max: 70 }),
})
const streams = options.chain(options =>
  fc.record({
    options: fc.constant(options),
    symbols: fc
      .array(fc.integer({ min: 0, max: Math.min(255, 2 ** options.precision - 1) }), { maxLength: 200 })
      .chain(symbols =>
        fc.constantFrom(
          symbols,
          symbols.map(s => s >> 1),
          symbols.map(s => s & 1),
        ),
      ),
  }),
)

describe('ransEncode', () => {
  it('writes the bytes that were computed by hand', () => {
    const frequencies = new Uint16Array(256)
    frequencies.set([3, 1])
    const options = { frequencies: new Tensor('uint16', frequencies, [256]), precision: 2, lanes: 1 }
    const stream = (...symbols: number[]) => ransEncode(tensor(Uint8Array.from(symbols)), options).stream.data
    // 2^16 → 4·21845 + 1 → 4·87381 + 3 → 4·116509, a state only.
    expect([...(stream(0, 1, 0) as Uint8Array)]).toEqual([0x74, 0x1c, 0x07, 0x00])
    // Seven times 4x + 3 is 2^30 + 0x3fff, which is too much for an eighth: 0x3fff leaves, 2^14 → 2^16 + 3.
    const eight = [...(stream(1, 1, 1, 1, 1, 1, 1, 1) as Uint8Array)]
    expect(eight).toEqual([0x03, 0x00, 0x01, 0x00, 0xff, 0x3f])
  })

  it('writes what slow arithmetic writes, and it decodes', () => {
    fc.assert(
      fc.property(streams, ({ options, symbols }) => {
        const { precision, lanes, chunk } = options
        const coded = ransEncode(tensor(Uint8Array.from(symbols)), options)
        const frequencies = coded.frequencies.data as Uint16Array
        const offsets = Array.from(coded.offsets.data as Uint32Array)
        const bytes = coded.stream.data as Uint8Array
        expect(offsets.length).toBe(Math.ceil(symbols.length / chunk) + 1)
        expect([offsets[0], offsets.at(-1)]).toEqual([0, bytes.length])
        for (let c = 0; c + 1 < offsets.length; c++) {
          const part = symbols.slice(c * chunk, (c + 1) * chunk)
          const want = slowEncode(part, frequencies, BigInt(precision), lanes)
          expect([...bytes.subarray(offsets[c], offsets[c + 1])]).toEqual(want)
        }
        expect([...decode(coded, symbols.length)]).toEqual(symbols)
      }),
      { seed: 1, numRuns: 400 },
    )
  })

  it('takes the entropy and 0.1 %, besides at most 32 bits for each state', () => {
    const rng = new Rng(60)
    for (const ratio of [0.3, 0.5, 0.7]) {
      const symbols = geometric(rng, 400_000, ratio)
      const bound = entropyBits(symbols)
      for (const options of [{ lanes: 1, chunk: 400_000 }, { lanes: 4, chunk: 20_000 }, {}]) {
        const coded = ransEncode(tensor(symbols), options)
        const slots = coded.frequencies.data as Uint16Array
        const model = symbols.reduce((sum, s) => sum + 12 - Math.log2(slots[s]!), 0)
        const states = 32 * coded.lanes * (coded.offsets.size - 1)
        const bits = 8 * coded.stream.byteLength
        // What 12-bit frequencies cost, and what the coder costs on top of them.
        expect(model).toBeLessThan(1.001 * bound)
        expect(bits).toBeLessThan(1.0001 * model + states)
        expect(bits).toBeGreaterThan(model)
        expect(Buffer.compare(decode(coded, symbols.length), symbols)).toBe(0)
      }
    }
  })

  it('takes nothing but states for a single symbol, and nothing at all for none', () => {
    const { stream, offsets } = ransEncode(tensor(new Uint8Array(100_000).fill(77)))
    expect([stream.byteLength, ...offsets.data]).toEqual([256, 0, 128, 256])
    const none = ransEncode(tensor(new Uint8Array(0)))
    expect([none.stream.byteLength, ...none.offsets.data]).toEqual([0, 0])
    expect(decode(none, 0)).toEqual(new Uint8Array(0))
  })

  it('writes the same bytes everywhere', () => {
    const rng = new Rng(61)
    const symbols = Uint8Array.from({ length: 200_000 }, () => 100 + Math.round(9 * rng.normal()))
    const { stream, frequencies } = ransEncode(tensor(symbols))
    const hash = createHash('sha256')
    for (const { data } of [stream, frequencies]) hash.update(data)
    expect(hash.digest('hex')).toBe('b69dbca8685cf562385b4b523d0611899a5ce048d3a8640345d91f21600f89f9')
  })

  it('shares frequencies, and refuses symbols that they lack', () => {
    const counts = new Uint32Array(256).fill(1, 0, 10)
    const frequencies = symbolFrequencies(counts)
    const few = Uint8Array.of(9, 3, 3, 0)
    const coded = ransEncode(tensor(few), { frequencies })
    expect(coded.frequencies).toBe(frequencies)
    expect([...decode(coded, 4)]).toEqual([9, 3, 3, 0])
    expect(() => ransEncode(tensor(Uint8Array.of(9, 10, 10)), { frequencies })).toThrow(
      new ShapeError(
        '[codec/rans-encode] expected frequencies of all symbols, got 0 for 10, which is there 2 times; count it in',
      ),
    )
  })

  it('refuses options and tensors that do not fit', () => {
    const symbols = tensor(new Uint8Array(4))
    const wrong: RansEncodeOptions[] = [
      { precision: 0 },
      { precision: 13 },
      { lanes: 0 },
      { lanes: 257 },
      { chunk: 0 },
      { chunk: 1.5 },
      { precision: 11, frequencies: symbolFrequencies(new Uint8Array(256)) },
      { frequencies: new Tensor('uint16', new Uint16Array(255).fill(4096, 0, 1), [255]) },
    ]
    for (const options of wrong) expect(() => ransEncode(symbols, options)).toThrow(ShapeError)
    const counts = new Tensor('int32', new Int32Array(256).fill(16), [256])
    expect(() => ransEncode(symbols, { frequencies: counts })).toThrow(DTypeError)
    expect(() => ransEncode(new Tensor('int8', new Int8Array(4), [4]))).toThrow(DTypeError)
  })
})
