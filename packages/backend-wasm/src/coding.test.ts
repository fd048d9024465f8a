import { packRow, Rng, Tensor } from '@tersor/core-tensor'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { coding, createWasmDevice, type WasmDevice } from './index.ts'

const GUARDS = 64

describe('the coding group', () => {
  let device: WasmDevice
  beforeAll(async () => {
    device = await createWasmDevice({ threads: 1, groups: [coding] })
  })
  afterAll(() => device.dispose())

  function decode(
    e: Stream,
    { size, chunk, precision, lanes }: Format,
    offsets: readonly number[] = e.offsets,
  ) {
    const upload = (type: 'uint8' | 'uint16' | 'uint32', data: ArrayBufferView & { length: number }) =>
      device.upload({ type, dims: [data.length], data })
    const out = device.empty('uint8', [size + GUARDS])
    const status = device.empty('int32', [1])
    device.primitives.run(
      'ransDecode',
      [out, status],
      [
        upload('uint8', e.bytes),
        upload('uint16', e.frequencies),
        upload('uint32', Uint32Array.from(offsets)),
      ],
      [offsets.length - 1, chunk, size, precision, lanes, e.bytes.length],
    )
    const symbols = (out.data as Uint8Array).slice()
    expect(symbols.subarray(size)).toEqual(new Uint8Array(GUARDS))
    return { symbols: symbols.slice(0, size), corrupt: (status.data as Int32Array)[0] !== 0 }
  }

  const formats: Format[] = [
    { size: 1, chunk: 100, precision: 12, lanes: 32 },
    { size: 10_000, chunk: 3000, precision: 12, lanes: 32 },
    { size: 5000, chunk: 4096, precision: 9, lanes: 32 },
    { size: 777, chunk: 100, precision: 12, lanes: 7 },
    { size: 9000, chunk: 9000, precision: 11, lanes: 256 },
    { size: 0, chunk: 10, precision: 12, lanes: 32 },
  ]

  it.each(formats)('decodes $size symbols in $lanes lanes', format => {
    for (const spread of [0, 3, 40]) {
      const rng = new Rng(spread + format.size)
      const symbols = Uint8Array.from({ length: format.size }, () => 128 + Math.round(rng.normal() * spread))
      const e = encode(symbols, format)
      expect(decode(e, format)).toEqual({ symbols, corrupt: false })
    }
  })

  it('tells a stream that is corrupt, and never reads or writes outside of it', () => {
    const format = { size: 3000, chunk: 1000, precision: 12, lanes: 32 }
    const rng = new Rng(7)
    const symbols = Uint8Array.from({ length: 3000 }, () => 100 + Math.round(rng.normal() * 5))
    const sound = encode(symbols, format)
    const hostile = fc.record({
      flips: fc.array(fc.tuple(fc.nat(sound.bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 4,
      }),
      cut: fc.nat(200),
      offset: fc.option(fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 }))),
      frequency: fc.option(fc.tuple(fc.nat(255), fc.integer({ min: 0, max: 65535 }))),
      lanes: fc.constantFrom(32, 1, 31, 256),
    })
    fc.assert(
      fc.property(hostile, ({ flips, cut, offset, frequency, lanes }) => {
        const bytes = sound.bytes.slice(0, sound.bytes.length - cut)
        for (const [at, change] of flips) if (at < bytes.length) bytes[at]! ^= change
        const frequencies = sound.frequencies.slice()
        if (frequency !== null) frequencies[frequency[0]] = frequency[1]
        const offsets = sound.offsets.slice()
        if (offset !== null) offsets[offset[0]] = offset[1]
        const result = decode({ bytes, frequencies, offsets }, { ...format, lanes }, offsets)
        if (!result.corrupt) expect(result.symbols).toEqual(symbols)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('unpacks codes of every width', () => {
    const rng = new Rng(8)
    for (let bits = 1; bits <= 16; bits++) {
      for (const columns of [0, 1, 31, 33, 100]) {
        const rowBytes = Math.ceil((columns * bits) / 8)
        const packed = new Uint8Array(3 * rowBytes)
        const codes = Array.from({ length: 3 }, () =>
          Array.from({ length: columns }, () => rng.integer(2 ** bits)),
        )
        for (const [i, row] of codes.entries()) packRow(row, bits, packed, i * rowBytes)
        const type = bits <= 8 ? 'uint8' : 'uint16'
        const out = device.empty(type, [3, columns])
        const source = device.upload(new Tensor('uint8', packed, [3, rowBytes]))
        device.primitives.run('unpackBits', [out], [source], [3, columns, bits, bits <= 8 ? 1 : 2])
        expect([...(out.data as Uint8Array)]).toEqual(codes.flat())
      }
    }
  })
})

interface Format {
  size: number
  chunk: number
  precision: number
  lanes: number
}

interface Stream {
  bytes: Uint8Array
  frequencies: Uint16Array
  offsets: number[]
}

/** Interleaved rANS by its definition, in float64. */
function encode(symbols: Uint8Array, { chunk, precision, lanes }: Format): Stream {
  const total = 2 ** precision
  const frequencies = frequenciesOf(symbols, total)
  const starts = new Uint32Array(257)
  frequencies.forEach((frequency, s) => {
    starts[s + 1] = starts[s]! + frequency
  })
  const bytes: number[] = []
  const offsets = [0]
  for (let from = 0; from < symbols.length; from += chunk) {
    const states = new Array<number>(lanes).fill(2 ** 16)
    const words: number[] = []
    for (let i = Math.min(chunk, symbols.length - from) - 1; i >= 0; i--) {
      const s = symbols[from + i]!
      const frequency = frequencies[s]!
      let x = states[i % lanes]!
      if (x >= 2 ** (32 - precision) * frequency) {
        words.push(x % 65536)
        x = Math.floor(x / 65536)
      }
      states[i % lanes] = Math.floor(x / frequency) * total + (x % frequency) + starts[s]!
    }
    for (const x of states) bytes.push(x & 255, (x >>> 8) & 255, (x >>> 16) & 255, x >>> 24)
    for (const word of words.reverse()) bytes.push(word & 255, word >> 8)
    offsets.push(bytes.length)
  }
  return { bytes: Uint8Array.from(bytes), frequencies, offsets }
}

/** Counts scaled to a total, with at least 1 for what occurs. */
function frequenciesOf(symbols: Uint8Array, total: number): Uint16Array {
  const counts = new Float64Array(256)
  for (const s of symbols) counts[s]!++
  const frequencies = Uint16Array.from(counts, count =>
    count === 0 ? 0 : Math.max(1, Math.round((count / symbols.length) * total)),
  )
  let rest = total - frequencies.reduce((a, b) => a + b, 0)
  while (rest !== 0) {
    const largest = frequencies.indexOf(Math.max(...frequencies))
    const step = rest > 0 ? rest : -1
    frequencies[largest]! += step
    rest -= step
  }
  return frequencies
}
