import {
  DTypeError,
  FormatError,
  kernel,
  type RansDecodeOptions,
  ShapeError,
  type Tensor,
} from '@tersor/core-tensor'
import { checkLayout, firstSlots, START_STATE } from './rans-layout.ts'

/**
 * Decodes bytes that {@link ransEncode} wrote: range asymmetric numeral systems (Duda, 2013,
 * arXiv:1311.2540), several coders interleaved in one stream (Giesen, 2014, arXiv:1402.3392).
 *
 * The format, of which this is the specification. Integers are little-endian, nothing is aligned.
 *
 * * **Model.** A symbol s has `frequencies[s]` of the 2^precision slots, precision at most 12. Those of
 *   symbol 0 come first, then those of symbol 1, and so on; `first[s]` is where those of s begin.
 * * **Chunks.** Chunk c holds the symbols c·chunk to min(size, (c + 1)·chunk) − 1 in the bytes
 *   `offsets[c]` to `offsets[c + 1]` − 1 of the stream. Chunks do not depend on each other. Bytes before
 *   the first one and behind the last one belong to others.
 * * **A chunk** begins with the states of its lanes, `lanes` uint32, also of lanes that have no symbol.
 *   Words of 16 bits follow in the order in which they are read. Symbol i of the chunk belongs to lane
 *   i mod lanes, and symbols are decoded in order.
 * * **A symbol.** With x the state of its lane, slot = x mod 2^precision, and s the symbol that has it:
 *   x ← frequencies[s] · ⌊x / 2^precision⌋ + slot − first[s], and then once, if x < 2^16,
 *   x ← 2^16 · x + the next word.
 * * **Soundness.** Frequencies sum to 2^precision, offsets do not fall and stay inside the stream, and in
 *   each chunk no word is missing, none is left over, and all states end at 2^16. Everything else is
 *   refused. That is a check of the layout and catches most damage, not a checksum.
 *
 * On an error `out` holds anything. Devices with fast code for it interleave 32 lanes.
 *
 * @param stream  uint8
 * @param options.out  uint8, of as many symbols as were encoded
 * @param options.frequencies  (256) uint16
 * @param options.offsets  (⌈size / chunk⌉ + 1) uint32
 * @returns `out`
 * @throws {ShapeError} when sizes contradict each other, or a number is out of range
 * @throws {DTypeError} when a tensor has another dtype
 * @throws {FormatError} when the stream is not sound
 * @example
 * const symbols = new Tensor('uint8', [7, 7, 7, 2, 7, 7, 2, 7], [2, 4])
 * const { stream, ...layout } = ransEncode(symbols, { lanes: 1 })
 * const out = new Tensor('uint8', new Uint8Array(8), [2, 4])
 * ransDecode(stream, { ...layout, out }).data // => Uint8Array [7, 7, 7, 2, 7, 7, 2, 7]
 */
export const ransDecode = /* @__PURE__ */ kernel('ransDecode', ransDecodeReference)

function ransDecodeReference(stream: Tensor, options: RansDecodeOptions): Tensor {
  checkArguments(stream, options)
  const { out, chunk, precision, lanes } = options
  const bytes = stream.data as Uint8Array
  const frequencies = options.frequencies.data as Uint16Array
  const offsets = options.offsets.data as Uint32Array
  const first = firstSlots(frequencies)
  if (first[256] !== 2 ** precision)
    throw new FormatError(
      `[ransDecode] expected frequencies that sum to ${2 ** precision}, got ${first[256]}`,
    )
  checkOffsets(offsets, bytes.length)
  const symbolAt = new Uint8Array(2 ** precision)
  for (let s = 0; s < 256; s++) symbolAt.fill(s, first[s], first[s + 1])

  const model = { frequencies, first, symbolAt, precision, states: new Uint32Array(lanes) }
  // Apart from `out`, which may lie over the stream.
  const symbols = new Uint8Array(out.size)
  const chunks = offsets.length - 1
  for (let c = 0; c < chunks; c++) {
    const part = bytes.subarray(offsets[c], offsets[c + 1])
    if (!decodeChunk(part, symbols.subarray(c * chunk, (c + 1) * chunk), model))
      throw new FormatError(`[ransDecode] chunk ${c} of ${chunks} is corrupt, or of other frequencies`)
  }
  ;(out.data as Uint8Array).set(symbols)
  return out
}

interface Model {
  frequencies: Uint16Array
  /** (257) first slots */
  first: Uint32Array
  /** (2^precision) symbols of the slots */
  symbolAt: Uint8Array
  precision: number
  /** (lanes) */
  states: Uint32Array
}

/** Fills `symbols`, and says whether the chunk is sound. */
function decodeChunk(bytes: Uint8Array, symbols: Uint8Array, model: Model): boolean {
  const { frequencies, first, symbolAt, precision, states } = model
  const lanes = states.length
  const mask = 2 ** precision - 1
  let at = 4 * lanes
  if (at > bytes.length) return false
  for (let lane = 0; lane < lanes; lane++)
    states[lane] = wordAt(bytes, 4 * lane) | (wordAt(bytes, 4 * lane + 2) << 16)
  for (let i = 0, lane = 0; i < symbols.length; i++) {
    let x = states[lane]!
    const slot = x & mask
    const s = symbolAt[slot]!
    // States fit 32 bits, as f · ⌊x / 2^p⌋ + f − 1 ≤ 2^32 − 1 for f ≤ 2^p.
    x = (Math.imul(frequencies[s]!, x >>> precision) + slot - first[s]!) >>> 0
    if (x < START_STATE) {
      if (at + 2 > bytes.length) return false
      x = ((x << 16) | wordAt(bytes, at)) >>> 0
      at += 2
    }
    states[lane] = x
    symbols[i] = s
    if (++lane === lanes) lane = 0
  }
  return at === bytes.length && states.every(x => x === START_STATE)
}

function checkArguments(stream: Tensor, { out, frequencies, offsets, ...layout }: RansDecodeOptions): void {
  for (const [what, { type }, expected] of [
    ['a stream', stream, 'uint8'],
    ['an out', out, 'uint8'],
    ['frequencies', frequencies, 'uint16'],
    ['offsets', offsets, 'uint32'],
  ] as const) {
    if (type !== expected) throw new DTypeError(`[ransDecode] expected ${what} of ${expected}, got ${type}`)
  }
  checkLayout('ransDecode', layout)
  if (frequencies.size !== 256)
    throw new ShapeError(`[ransDecode] expected 256 frequencies, got ${frequencies.size}`)
  const chunks = Math.ceil(out.size / layout.chunk)
  if (offsets.size !== chunks + 1) {
    throw new ShapeError(
      `[ransDecode] expected ${chunks + 1} offsets for ${out.size} symbols in chunks of ${layout.chunk}, got ${offsets.size}`,
    )
  }
}

/** @throws {FormatError} unless every chunk lies inside the stream */
function checkOffsets(offsets: Uint32Array, streamBytes: number): void {
  let end = 0
  for (const offset of offsets) {
    if (offset < end || offset > streamBytes) {
      throw new FormatError(
        `[ransDecode] expected offsets that do not fall, up to ${streamBytes}, got ${offset} after ${end}`,
      )
    }
    end = offset
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}
