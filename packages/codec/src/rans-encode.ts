import { asTensor, DTypeError, requireHost, ShapeError, Tensor, type TensorLike } from '@tersor/core-tensor'
import { checkLayout, firstSlots, type RansLayout, START_STATE } from './rans-layout.ts'
import { symbolFrequencies } from './symbol-frequencies.ts'

export interface RansEncodeOptions {
  /**
   * (256) uint16 of {@link symbolFrequencies}, 2^precision together, for several tensors that share
   * them. Without, those that code these symbols shortest.
   */
  frequencies?: Tensor | undefined
  /** 2^precision slots for all symbols, 1 to 12; 12 by default. Fewer make the decoder's tables smaller, and the stream longer. */
  precision?: number | undefined
  /** Coders that take turns, 1 to 256; 32 by default, for which devices have fast decoders. Each takes 4 bytes a chunk. */
  lanes?: number | undefined
  /** Symbols that are decoded together, one row of a matrix say; 65,536 by default. */
  chunk?: number | undefined
}

/** What {@link ransDecode} takes, except where the symbols go. */
export interface RansStream extends RansLayout {
  /** uint8 */
  stream: Tensor
  /** (256) uint16 */
  frequencies: Tensor
  /** (chunks + 1) uint32 */
  offsets: Tensor
}

const WHERE = 'codec/rans-encode'

/**
 * Codes bytes in about as many bits as their entropy, with one set of frequencies for all of them.
 *
 * Use it for bytes of which some are frequent, one by one: exponents of weights, quantised codes. Not
 * for bytes that depend on their neighbours, such as text, and not for fewer than some thousand: the
 * frequencies take 512 bytes, a chunk 4 · lanes.
 *
 * Range asymmetric numeral systems (Duda, 2013, arXiv:1311.2540), with interleaved coders (Giesen, 2014,
 * arXiv:1402.3392); {@link ransDecode} specifies the format. Symbols are encoded from the last to the
 * first, each lane from x = 2^16: with f of 2^p slots, those from `first` on,
 * if x ≥ f · 2^(32 − p), the low 16 bits of x become a word, and x ← ⌊x / 2^16⌋; then
 * x ← 2^p · ⌊x / f⌋ + x mod f + first.
 *
 * @param symbols  uint8 of any shape, on a host device
 * @returns tensors on the device of the symbols; the same bytes on every engine
 * @throws {DTypeError} when symbols are not uint8, or frequencies not uint16
 * @throws {ShapeError} when an option is out of range, a symbol has frequency 0, or the stream would
 *   pass 2^32 bytes
 * @example
 * const symbols = new Tensor('uint8', new Uint8Array(1000).fill(3, 0, 900), [1000]) // 0.469 bits each
 * const { stream, offsets } = ransEncode(symbols, { lanes: 1 })
 * stream.byteLength // => 62
 * offsets.data // => Uint32Array [0, 62]
 */
export function ransEncode(symbols: TensorLike, options: RansEncodeOptions = {}): RansStream {
  const { precision = 12, lanes = 32, chunk = 65536 } = options
  const layout = { chunk, precision, lanes }
  checkLayout(WHERE, layout)
  const tensor = asTensor(symbols)
  requireHost(tensor, WHERE)
  if (tensor.type !== 'uint8')
    throw new DTypeError(
      `[${WHERE}] expected symbols of uint8, got ${tensor.type}; view their bytes as uint8`,
    )
  const { device, size } = tensor
  const data = tensor.data as Uint8Array
  const counts = countsOf(data)
  const frequencies = options.frequencies ?? symbolFrequencies(counts, { precision })
  checkFrequencies(frequencies, counts, precision)

  const encodeChunk = chunkEncoder(frequencies.data as Uint16Array, layout, Math.min(chunk, size))
  const parts: Uint8Array[] = []
  const offsets = new Uint32Array(Math.ceil(size / chunk) + 1)
  let end = 0
  for (let c = 0; c < offsets.length - 1; c++) {
    const part = encodeChunk(data.subarray(c * chunk, (c + 1) * chunk))
    parts.push(part)
    end += part.length
    if (end >= 2 ** 32)
      throw new ShapeError(`[${WHERE}] expected fewer than 2^32 bytes of stream, got more; encode in parts`)
    offsets[c + 1] = end
  }
  const stream = new Uint8Array(end)
  for (const [c, part] of parts.entries()) stream.set(part, offsets[c])
  return {
    stream: device.upload(new Tensor('uint8', stream, [end])),
    frequencies: frequencies.device === device ? frequencies : device.upload(frequencies),
    offsets: device.upload(new Tensor('uint32', offsets, [offsets.length])),
    ...layout,
  }
}

function countsOf(symbols: Uint8Array): Float64Array {
  const counts = new Float64Array(256)
  for (let i = 0; i < symbols.length; i++) counts[symbols[i]!]! += 1
  return counts
}

function checkFrequencies(frequencies: Tensor, counts: Float64Array, precision: number): void {
  requireHost(frequencies, WHERE)
  if (frequencies.type !== 'uint16')
    throw new DTypeError(`[${WHERE}] expected frequencies of uint16, got ${frequencies.type}`)
  const slots = frequencies.data as Uint16Array
  const sum = slots.reduce((total, slot) => total + slot, 0)
  if (slots.length !== 256 || sum !== 2 ** precision) {
    throw new ShapeError(
      `[${WHERE}] expected 256 frequencies that sum to ${2 ** precision}, got ${slots.length} that sum to ${sum}`,
    )
  }
  const missing = slots.findIndex((slot, s) => slot === 0 && counts[s]! > 0)
  if (missing >= 0) {
    throw new ShapeError(
      `[${WHERE}] expected frequencies of all symbols, got 0 for ${missing}, which is there ${counts[missing]} times; count it in`,
    )
  }
}

/** Encodes chunks of at most `longest` symbols, one after the other. */
function chunkEncoder(
  frequencies: Uint16Array,
  { precision, lanes }: RansLayout,
  longest: number,
): (symbols: Uint8Array) => Uint8Array {
  const first = firstSlots(frequencies)
  const states = new Uint32Array(lanes)
  // The states, and at most one word for each symbol; filled from the end.
  const room = new Uint8Array(4 * lanes + 2 * longest)
  return symbols => {
    states.fill(START_STATE)
    let at = room.length
    let lane = symbols.length % lanes
    for (let i = symbols.length - 1; i >= 0; i--) {
      lane = (lane === 0 ? lanes : lane) - 1
      const s = symbols[i]!
      const f = frequencies[s]!
      let x = states[lane]!
      // x ≥ f · 2^(32 − p), by its upper half.
      if (x >>> 16 >= f << (16 - precision)) {
        room[--at] = x >>> 8
        room[--at] = x
        x >>>= 16
      }
      // Below 2^(32 − p), and exact: the quotient in float64 is off by less than the 1 / f that it may be short of a whole number.
      const quotient = (x / f) | 0
      states[lane] = (quotient << precision) + (x - Math.imul(quotient, f)) + first[s]!
    }
    for (lane = lanes - 1; lane >= 0; lane--) {
      for (let shift = 24; shift >= 0; shift -= 8) room[--at] = states[lane]! >>> shift
    }
    return room.slice(at)
  }
}
