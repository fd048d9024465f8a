import { Rng } from '@tersor/core-tensor'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eachNativeDevice, type TestDevice } from './test-devices.ts'

interface Coded {
  stream: Uint8Array
  frequencies: Uint16Array
  offsets: Uint32Array
  chunkSymbols: number
  precision: number
  lanes: number
}

/** Encodes as the format says: each chunk backwards, lanes in turn, states first. */
function encode(
  symbols: Uint8Array,
  frequencies: Uint16Array,
  precision: number,
  lanes: number,
  chunkSymbols: number,
): Coded {
  const starts = new Uint32Array(257)
  for (let s = 0; s < 256; s++) starts[s + 1] = starts[s]! + frequencies[s]!
  const chunks: number[][] = []
  for (let from = 0; from < symbols.length; from += chunkSymbols) {
    const part = symbols.subarray(from, from + chunkSymbols)
    const states = new Array<number>(lanes).fill(2 ** 16)
    const words: number[] = []
    for (let i = part.length - 1; i >= 0; i--) {
      const lane = i % lanes
      const frequency = frequencies[part[i]!]!
      let x = states[lane]!
      if (x >= frequency * 2 ** (32 - precision)) {
        words.unshift(x % 65536)
        x = Math.floor(x / 65536)
      }
      states[lane] = Math.floor(x / frequency) * 2 ** precision + (x % frequency) + starts[part[i]!]!
    }
    chunks.push([
      ...states.flatMap(x => [x & 255, (x >>> 8) & 255, (x >>> 16) & 255, x >>> 24]),
      ...words.flatMap(w => [w & 255, w >> 8]),
    ])
  }
  const offsets = new Uint32Array(chunks.length + 1)
  for (const [i, chunk] of chunks.entries()) offsets[i + 1] = offsets[i]! + chunk.length
  return { stream: Uint8Array.from(chunks.flat()), frequencies, offsets, chunkSymbols, precision, lanes }
}

/** Frequencies like those of exponents: a few common symbols, and one that fills up. */
function frequenciesOf(precision: number, rng: Rng): Uint16Array {
  const frequencies = new Uint16Array(256)
  let left = 2 ** precision
  for (let s = 100; s < 160 && left > 1; s++) {
    frequencies[s] = 1 + rng.integer(Math.max(1, left >> 2))
    left -= frequencies[s]!
  }
  frequencies[7] = left
  return frequencies
}

function symbolsOf(frequencies: Uint16Array, size: number, rng: Rng): Uint8Array {
  const slots = Array.from(frequencies).flatMap((count, s) => new Array<number>(count).fill(s))
  return Uint8Array.from({ length: size }, () => slots[rng.integer(slots.length)]!)
}

function decode(t: TestDevice, coded: Coded, size: number): { symbols: Uint8Array; status: number } {
  const { stream, frequencies, offsets, chunkSymbols, precision, lanes } = coded
  // A guard behind the symbols shows writes past them.
  const symbols = t.device.empty('uint8', [size + 64])
  symbols.data.fill(99 as never)
  const status = t.device.empty('int32', [1])
  const inputs = [
    t.bytes(stream),
    t.device.upload({ type: 'uint16', dims: [256], data: frequencies }),
    t.device.upload({ type: 'uint32', dims: [offsets.length], data: offsets }),
  ]
  t.run('ransDecode', [symbols, status], inputs, [
    offsets.length - 1,
    chunkSymbols,
    size,
    precision,
    lanes,
    stream.length,
  ])
  const data = symbols.data as Uint8Array
  expect(data.subarray(size).every(byte => byte === 99)).toBe(true)
  return { symbols: data.subarray(0, size), status: (status.data as Int32Array)[0]! }
}

eachNativeDevice(t => {
  it('ransDecode gives the symbols back, for any number of lanes', () => {
    const rng = new Rng(1)
    for (const lanes of [1, 3, 8, 32, 33]) {
      for (const [precision, size, chunkSymbols] of [
        [12, 5000, 1024],
        [11, 4096, 4096],
        [8, 999, 100],
        [12, 0, 10],
        [12, 20, 64],
        [1, 100, 64],
        [12, 3000, 2999],
      ] as const) {
        const frequencies = frequenciesOf(precision, rng)
        const symbols = symbolsOf(frequencies, size, rng)
        const { symbols: got, status } = decode(
          t,
          encode(symbols, frequencies, precision, lanes, chunkSymbols),
          size,
        )
        expect(status).toBe(0)
        expect(Buffer.compare(got, symbols)).toBe(0)
      }
    }
    const one = new Uint16Array(256)
    one[65] = 4096
    const all = decode(t, encode(new Uint8Array(500).fill(65), one, 12, 32, 500), 500)
    expect([all.status, all.symbols.every(s => s === 65)]).toEqual([0, true])
  })

  it('ransDecode notices every kind of damage', () => {
    const rng = new Rng(2)
    for (const lanes of [5, 32]) {
      const frequencies = frequenciesOf(12, rng)
      const coded = encode(symbolsOf(frequencies, 3000, rng), frequencies, 12, lanes, 1000)
      const damaged = (change: Partial<Coded>) => decode(t, { ...coded, ...change }, 3000).status
      const offsets = (change: (o: Uint32Array) => void) => {
        const copy = coded.offsets.slice()
        change(copy)
        return copy
      }
      expect(damaged({})).toBe(0)
      expect(damaged({ offsets: offsets(o => (o[1]! += 2)) })).toBe(1)
      expect(damaged({ offsets: offsets(o => (o[1]! -= 2)) })).toBe(1)
      expect(damaged({ offsets: offsets(o => (o[1] = 0xffffffff)) })).toBe(1)
      expect(damaged({ offsets: offsets(o => o.reverse()) })).toBe(1)
      expect(damaged({ stream: coded.stream.subarray(0, coded.stream.length - 2) })).toBe(1)
      expect(damaged({ frequencies: coded.frequencies.map((f, s) => (s === 7 ? f + 1 : f)) })).toBe(1)
      expect(damaged({ frequencies: new Uint16Array(256) })).toBe(1)
      expect(damaged({ frequencies: new Uint16Array(256).fill(65535) })).toBe(1)
      expect(
        damaged({ stream: coded.stream.map((byte, i) => (i === 4 * lanes + 1 ? byte ^ 1 : byte)) }),
      ).toBe(1)
    }
  })

  it('ransDecode survives any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.integer({ min: 0, max: 450 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 1, maxLength: 256 }),
        fc.constantFrom(1, 7, 32),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 300 }),
        (stream, offsets, counts, lanes, precision, chunkSymbols) => {
          const frequencies = new Uint16Array(256)
          let left = 2 ** precision
          for (const [s, count] of counts.entries()) left -= frequencies[s] = Math.min(left, count)
          frequencies[255]! += left
          const size = Math.min(chunkSymbols * (offsets.length - 1), 700)
          const { status } = decode(
            t,
            { stream, frequencies, offsets: Uint32Array.from(offsets), chunkSymbols, precision, lanes },
            size,
          )
          expect([0, 1]).toContain(status)
        },
      ),
      { numRuns: 300, seed: 1 },
    )
  })
})
