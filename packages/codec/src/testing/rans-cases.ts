import { type Device, DTypeError, FormatError, Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import type { KernelCase } from '@tersor/core-tensor/testing'
import { expect } from 'vitest'
import { ransDecode } from '../rans-decode.ts'
import { ransEncode } from '../rans-encode.ts'
import { type PlainStream, slowDecode } from './slow-rans.ts'

interface EncodeOptions {
  precision?: number | undefined
  lanes?: number | undefined
  chunk?: number | undefined
}

export const ransCases: readonly KernelCase[] = [
  {
    kernel: 'ransDecode',
    name: 'streams written by hand',
    hostOnly: true,
    async run(device) {
      const quarters = { frequencies: frequenciesOf({ 0: 3, 1: 1 }), precision: 2, lanes: 1, chunk: 64 }
      // 2^16 for 0 is 4·21845 + 1, for 1 then 4·87381 + 3, for 0 then 4·116509.
      const three = { ...quarters, stream: Uint8Array.of(0x74, 0x1c, 0x07, 0x00), offsets: [0, 4], size: 3 }
      expect(await decoded(device, three)).toEqual([0, 1, 0])
      // Seven times x ← 4x + 3 gives 2^30 + 2^14 − 1; its lower half leaves as 0x3fff, and 2^14 goes on to 2^16 + 3.
      const stream = Uint8Array.of(0x03, 0x00, 0x01, 0x00, 0xff, 0x3f)
      const eight = { ...quarters, stream, offsets: [0, 6], size: 8 }
      expect(await decoded(device, eight)).toEqual(new Array(8).fill(1))
    },
  },
  {
    kernel: 'ransDecode',
    name: 'what was encoded, for sizes, lanes and chunks of all kinds',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(41)
      for (const size of [0, 1, 3, 31, 32, 33, 65, 257, 4099]) {
        for (const lanes of [1, 4, 7, 32, 256]) {
          for (const chunk of [1, 7, 32, 100, 1024, 2 ** 40]) {
            if (size > 40 * chunk) continue
            await expectRoundTrip(device, skewed(rng, size, 40), { lanes, chunk })
          }
        }
      }
    },
  },
  {
    kernel: 'ransDecode',
    name: 'what was encoded, for precisions of 1 to 12 bits',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(42)
      for (let precision = 1; precision <= 12; precision++) {
        const alphabet = Math.min(256, 2 ** precision)
        for (const lanes of [1, 32]) {
          const options = { precision, lanes, chunk: 500 }
          await expectRoundTrip(device, skewed(rng, 1777, alphabet), options)
          await expectRoundTrip(device, uniform(rng, 1777, alphabet), options)
          await expectRoundTrip(device, new Uint8Array(1777).fill(255), options)
        }
      }
    },
  },
  {
    kernel: 'ransDecode',
    name: 'a large stream',
    hostOnly: true,
    async run(device) {
      for (const lanes of [32, 5]) await expectRoundTrip(device, skewed(new Rng(43), 300_001, 200), { lanes })
      await expectRoundTrip(device, uniform(new Rng(44), 300_001, 256), {})
      await expectRoundTrip(device, new Uint8Array(300_001), {})
    },
  },
  {
    kernel: 'ransDecode',
    name: 'a stream inside another tensor, at any address',
    hostOnly: true,
    async run(device) {
      const coded = encoded(skewed(new Rng(45), 999, 60), { chunk: 300 })
      for (const before of [1, 2, 3]) {
        const stream = Uint8Array.of(...new Array(before).fill(0xab), ...coded.stream, 0xcd, 0xef)
        const shifted = { ...coded, stream, offsets: coded.offsets.map(offset => offset + before) }
        expect(await decoded(device, shifted)).toEqual(slowDecode(coded))

        const whole = device.upload(new Tensor('uint8', stream, [stream.length]))
        const target = device.empty('uint8', [before + coded.size + 2])
        const out = target.rows(before, before + coded.size)
        expect(ransDecode(whole.rows(before, stream.length - 2), { ...upload(device, coded), out })).toBe(out)
        const want = [...new Array(before).fill(0), ...slowDecode(coded)!, 0, 0]
        expect(Array.from((await target.read()) as Uint8Array)).toEqual(want)
      }
    },
  },
  {
    kernel: 'ransDecode',
    name: 'an out that lies over the stream',
    hostOnly: true,
    async run(device) {
      const coded = encoded(skewed(new Rng(46), 999, 60), { chunk: 300 })
      const held = device.empty('uint8', [1200])
      const stream = held.rows(100, 100 + coded.stream.length)
      ;(stream.data as Uint8Array).set(coded.stream)
      const out = held.rows(0, 999)
      ransDecode(stream, { ...upload(device, coded), out })
      expect(Array.from((await out.read()) as Uint8Array)).toEqual(slowDecode(coded))
    },
  },
  {
    kernel: 'ransDecode',
    name: 'refuses streams that were cut, stretched or moved',
    hostOnly: true,
    async run(device) {
      for (const lanes of [1, 32]) {
        const coded = encoded(skewed(new Rng(47), 300, 60), { lanes, chunk: 200 })
        const { stream, offsets } = coded
        const end = stream.length
        for (let length = 0; length < end; length++) {
          const cut = stream.slice(0, length)
          await expectRefused(device, { ...coded, stream: cut })
          await expectRefused(device, {
            ...coded,
            stream: cut,
            offsets: [0, Math.min(offsets[1]!, length), length],
          })
        }
        for (const more of [1, 2, 4]) {
          const longer = Uint8Array.of(...stream, ...new Array(more).fill(0))
          await expectRefused(device, { ...coded, stream: longer, offsets: [0, offsets[1]!, end + more] })
        }
        const middle = offsets[1]!
        for (const bad of [
          [0, middle, end + 2],
          [0, middle, 2 ** 32 - 1],
          [2 ** 32 - 2, middle, end],
          [0, 2 ** 31, end],
          [0, end, middle],
          [middle, 0, end],
          [0, middle + 2, end],
          [0, middle - 2, end],
          [1, middle, end],
          [0, 0, end],
          [0, end, end],
          [end, end, end],
        ])
          await expectRefused(device, { ...coded, offsets: bad })
      }
      const nothing = { ...encoded(new Uint8Array(0), {}), offsets: [1] }
      await expectRefused(device, nothing)
    },
  },
  {
    kernel: 'ransDecode',
    name: 'refuses frequencies that do not sum to 2^precision',
    hostOnly: true,
    async run(device) {
      for (const lanes of [1, 32]) {
        const coded = encoded(skewed(new Rng(48), 300, 60), { lanes })
        const { frequencies } = coded
        const changed = (symbol: number, by: number) =>
          frequencies.map((frequency, s) => (s === symbol ? frequency + by : frequency))
        for (const bad of [
          changed(0, 1),
          changed(0, -1),
          changed(255, 1),
          changed(200, 4096),
          changed(255, 61440), // 2^16 in all
          frequencies.map(() => 0),
          frequencies.map(() => 65535),
          frequenciesOf({ 0: 65535, 9: 4097 }), // the right sum in 16 bits
          frequencies.map((_, s) => (s % 16 === 3 ? 4096 + frequencies[s]! : frequencies[s]!)), // 2^16 more
        ])
          await expectRefused(device, { ...coded, frequencies: bad })
        for (const precision of [1, 11]) await expectRefused(device, { ...coded, precision })
      }
      const nothing = encoded(new Uint8Array(0), {})
      await expectRefused(device, { ...nothing, frequencies: frequenciesOf({ 0: 4095 }) })
    },
  },
  {
    kernel: 'ransDecode',
    name: 'refuses flipped bits, unless they make another sound stream',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(49)
      for (const [lanes, size, flips] of [
        [1, 100, Infinity],
        [4, 100, Infinity],
        [32, 3000, 300],
      ] as const) {
        const coded = encoded(skewed(rng, size, 60), { lanes, chunk: size / 2 })
        const bits = 8 * coded.stream.length
        for (let i = 0; i < Math.min(bits, flips); i++) {
          const bit = flips === Infinity ? i : rng.integer(bits)
          const stream = coded.stream.slice()
          stream[bit >> 3]! ^= 1 << (bit & 7)
          await expectAsSlow(device, { ...coded, stream })
        }
      }
    },
  },
  {
    kernel: 'ransDecode',
    name: 'takes any bytes: states of 0 and 2^32 − 1, words at random, other lanes and chunks',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(50)
      for (const lanes of [1, 3, 32]) {
        const coded = encoded(skewed(rng, 400, 60), { lanes, chunk: 150 })
        for (const byte of [0, 255]) {
          const states = coded.stream.slice()
          for (const start of coded.offsets.slice(0, -1)) states.fill(byte, start, start + 4 * lanes)
          await expectAsSlow(device, { ...coded, stream: states })
          await expectAsSlow(device, { ...coded, stream: new Uint8Array(coded.stream.length).fill(byte) })
        }
        for (let i = 0; i < 20; i++) {
          const stream = coded.stream.map(() => rng.integer(256))
          await expectAsSlow(device, { ...coded, stream })
        }
        for (const other of [1, 2, 31, 33]) await expectAsSlow(device, { ...coded, lanes: other })
        await expectAsSlow(device, { ...coded, chunk: 149 })
        await expectAsSlow(device, { ...coded, size: 399 })
      }
      // A lane of state 0 that reads 0 stays there; it ends in another state than 2^16, however long it runs.
      const frequencies = frequenciesOf({ 5: 4096 })
      const stuck = { frequencies, precision: 12, lanes: 1, chunk: 1000, size: 1000 }
      await expectRefused(device, { ...stuck, stream: new Uint8Array(2004), offsets: [0, 2004] })
      // From a state below 2^16 a sound end can be reached, and then the stream is sound: 1 · 2^16 + 0.
      const low = { ...stuck, size: 1, stream: Uint8Array.of(1, 0, 0, 0, 0, 0), offsets: [0, 6] }
      expect(await decoded(device, low)).toEqual([5])
    },
  },
  {
    kernel: 'ransDecode',
    name: 'refuses tensors and numbers that contradict each other',
    hostOnly: true,
    run(device) {
      const coded = encoded(skewed(new Rng(51), 300, 60), { chunk: 100 })
      const stream = device.upload(new Tensor('uint8', coded.stream, [coded.stream.length]))
      const options = { ...upload(device, coded), out: device.empty('uint8', [300]) }
      for (const wrong of [
        { chunk: 0 },
        { chunk: -100 },
        { chunk: 0.5 },
        { chunk: NaN },
        { chunk: 99 },
        { precision: 0 },
        { precision: 13 },
        { precision: 1.5 },
        { lanes: 0 },
        { lanes: 257 },
        { lanes: 2.5 },
        { out: device.empty('uint8', [301]) },
        { offsets: device.empty('uint32', [3]) },
        { offsets: device.empty('uint32', [0]) },
        { frequencies: device.empty('uint16', [255]) },
        { frequencies: device.empty('uint16', [512]) },
      ])
        expect(() => ransDecode(stream, { ...options, ...wrong }), JSON.stringify(wrong)).toThrow(ShapeError)
      for (const wrong of [
        { out: device.empty('int8', [300]) },
        { offsets: device.empty('int32', [4]) },
        { frequencies: device.empty('int16', [256]) },
      ])
        expect(() => ransDecode(stream, { ...options, ...wrong })).toThrow(DTypeError)
      expect(() => ransDecode(device.empty('bool', [100]), options)).toThrow(DTypeError)
    },
  },
]

/** Few symbols often, and many seldom; byte values all over. */
function skewed(rng: Rng, size: number, alphabet: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => {
    const often = Math.min(alphabet - 1, Math.clz32(rng.uint32()))
    return 37 * (rng.integer(8) === 0 ? rng.integer(alphabet) : often)
  })
}

function uniform(rng: Rng, size: number, alphabet: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => rng.integer(alphabet))
}

function frequenciesOf(of: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: 256 }, (_, s) => of[s] ?? 0)
}

function encoded(symbols: Uint8Array, options: EncodeOptions): PlainStream {
  const coded = ransEncode(new Tensor('uint8', symbols, [symbols.length]), options)
  return {
    ...coded,
    stream: coded.stream.data as Uint8Array,
    frequencies: Array.from(coded.frequencies.data as Uint16Array),
    offsets: Array.from(coded.offsets.data as Uint32Array),
    size: symbols.length,
  }
}

/** Everything but the stream and the symbols. */
function upload(device: Device, { frequencies, offsets, chunk, precision, lanes }: PlainStream) {
  return {
    frequencies: device.upload(new Tensor('uint16', Uint16Array.from(frequencies), [256])),
    offsets: device.upload(new Tensor('uint32', Uint32Array.from(offsets), [offsets.length])),
    chunk,
    precision,
    lanes,
  }
}

/** What a device makes of a stream: symbols, or undefined where it throws a FormatError. */
async function decoded(device: Device, coded: PlainStream): Promise<number[] | undefined> {
  let out: Tensor
  try {
    out = device.scope(() => {
      const stream = device.upload(new Tensor('uint8', coded.stream, [coded.stream.length]))
      return ransDecode(stream, { ...upload(device, coded), out: device.empty('uint8', [coded.size]) })
    })
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
  const symbols = Array.from((await out.read()) as Uint8Array)
  out.dispose()
  return symbols
}

async function expectRoundTrip(device: Device, symbols: Uint8Array, options: EncodeOptions): Promise<void> {
  await expectDecoded(device, encoded(symbols, options), symbols)
}

async function expectRefused(device: Device, coded: PlainStream): Promise<void> {
  expect(slowDecode(coded), 'a case that is sound').toBeUndefined()
  await expectDecoded(device, coded, undefined)
}

/** The same symbols as from plain arithmetic, or a FormatError where there are none. */
async function expectAsSlow(device: Device, coded: PlainStream): Promise<void> {
  await expectDecoded(device, coded, slowDecode(coded))
}

async function expectDecoded(
  device: Device,
  coded: PlainStream,
  expected: ArrayLike<number> | undefined,
): Promise<void> {
  const symbols = await decoded(device, coded)
  const place = symbols?.findIndex((symbol, i) => symbol !== expected?.[i])
  if (symbols?.length === expected?.length && (place ?? -1) === -1) return
  const { stream, frequencies: _, ...layout } = coded
  const outcome =
    symbols === undefined ? 'refused' : expected === undefined ? 'taken' : `wrong from ${place} on`
  expect.fail(`${stream.length} bytes, ${JSON.stringify(layout)}: ${outcome}`)
}
