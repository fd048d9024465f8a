import {
  asTensor,
  type DecodeOptions,
  DTypeError,
  dtypeBits,
  type Encoded,
  type Encoding,
  encoded,
  requireHost,
  ShapeError,
  Tensor,
  type TensorLike,
} from '@tersor/core-tensor'
import {
  decoded,
  malformed,
  metaInteger,
  productOf,
  rowRange,
  shapedPart,
  tensorPart,
} from '@tersor/core-tensor/host'
import { cast } from '@tersor/core-tensor/reference'
import { ransDecode } from './rans-decode.ts'
import { ransEncode } from './rans-encode.ts'
import { firstSlots, MAX_LANES, MAX_PRECISION, type RansLayout } from './rans-layout.ts'

export interface RansOptions {
  /** Rows that are coded together, entries of a vector; as many as make 65,536 symbols by default. */
  rows?: number | undefined
  /** Coders that take turns, 1 to 256; by default 32, for which devices have fast decoders, or 4 where chunks are small. */
  lanes?: number | undefined
  /** 2^precision slots for all symbols, 1 to 12; 12 by default. */
  precision?: number | undefined
  /**
   * (256) uint16 of `symbolFrequencies`, which are stored as they are: for weights that share the tensor,
   * and files that then hold it once. Without, those that code these symbols shortest.
   */
  frequencies?: Tensor | undefined
}

const WHERE = 'codec/rans'

/** Symbols of a chunk by default; where they are fewer than half of it, the states of 32 lanes would be 1 % of them and more. */
const CHUNK = 65536

/**
 * A symbol takes no bits where there is no other: a chunk can be long and its bytes nothing but states. With as
 * many symbols a lane at most, a file cannot ask for more than 2,048 bytes by each of its own.
 */
const MAX_SYMBOLS_A_LANE = 8192

/**
 * Bytes behind an entropy coder, as an encoding that decodes to them: codes, zeros, positions and masks of
 * other encodings, float8 values inside of `dense`.
 *
 * Use it where some bytes are more frequent than others, as codes of 2 to 5 bits and exponents are. Rows can be
 * had at random: they lie in chunks of whole rows, and only those asked for are decoded. Devices decode it once
 * when they pack a weight; a product that reads it at every call is for weights that do not fit otherwise.
 *
 * Parts: `stream` uint8 and, where there are several chunks, `offsets` uint32 as `ransDecode` has them;
 * `frequencies` uint16 of the bytes in `symbols` uint8, in rising order, or of all 256.
 *
 * @param symbols  at least one dimension of uint8, int8, bool or float8, on a host device
 * @returns an encoding of the same dims and dtype; the same bytes on every engine
 * @throws {DTypeError} when symbols are not of 8 bits
 * @throws {ShapeError} when an option is out of range, or a chunk has more than 8,192 symbols a lane
 * @example
 * const codes = new Tensor('uint8', new Uint8Array(4096).fill(0x88, 0, 4000), [64, 64])
 * const coded = rans(codes)
 * byteLength(coded) // => 141
 * decode(coded, { rows: [62, 63] }).data.subarray(30, 34) // => Uint8Array [136, 136, 0, 0]
 */
export function rans(symbols: TensorLike, options: RansOptions = {}): Encoded {
  const tensor = asTensor(symbols)
  requireHost(tensor, WHERE)
  const { type, dims, device } = tensor
  if (dtypeBits[type] !== 8)
    throw new DTypeError(`[${WHERE}] expected symbols of 8 bits, got ${type}; view their bytes as uint8`)
  if (dims.length === 0) throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const layout = layoutOf(dims, options)
  return device.scope(() => {
    const coded = ransEncode(asBytes(tensor), { ...layout, frequencies: options.frequencies })
    const table = options.frequencies === undefined ? usedSymbols(coded.frequencies) : {}
    const offsets = tensor.size > layout.chunk ? coded.offsets : undefined
    const parts = { stream: coded.stream, frequencies: coded.frequencies, ...table, offsets }
    return encoded(ransEncoding, type, dims, parts, layout)
  })
}

function layoutOf(
  dims: readonly number[],
  { rows: together, lanes, precision = 12 }: RansOptions,
): { chunk: number; lanes: number; precision: number } {
  const { rows, columns } = symbolRows(dims)
  const row = Math.max(1, columns)
  const most = Math.min(CHUNK, MAX_SYMBOLS_A_LANE * (lanes ?? MAX_LANES))
  const wanted = together ?? Math.max(1, Math.floor(most / row))
  if (!Number.isSafeInteger(wanted) || wanted < 1)
    throw new ShapeError(`[${WHERE}] expected one row or more together, got ${wanted}`)
  const chunk = Math.max(1, Math.min(wanted, (rows * columns) / row)) * row
  const enough = chunk < CHUNK / 2 ? 4 : chunk <= 32 * MAX_SYMBOLS_A_LANE ? 32 : MAX_LANES
  const layout = { chunk, lanes: lanes ?? enough, precision }
  if (chunk > MAX_SYMBOLS_A_LANE * layout.lanes) {
    throw new ShapeError(
      `[${WHERE}] expected at most ${MAX_SYMBOLS_A_LANE} symbols a lane, got ${chunk} for ${layout.lanes}; ` +
        'use more lanes, or fewer or shorter rows',
    )
  }
  return layout
}

/** The kind of {@link rans}. */
export const ransEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'rans',
  check: checkRans,
  decode: decodeRans,
})

/** A shape as rows that stay together; entries of a vector are rows of one. */
function symbolRows(dims: readonly number[]): { rows: number; columns: number } {
  return dims.length === 1
    ? { rows: dims[0]!, columns: 1 }
    : { rows: productOf(dims.slice(0, -1)), columns: dims.at(-1)! }
}

/** The symbols that are there and their frequencies, where that is shorter than the frequencies of all. */
function usedSymbols(frequencies: Tensor): {
  symbols?: Tensor | undefined
  frequencies?: Tensor | undefined
} {
  const all = frequencies.data as Uint16Array
  const used = Uint8Array.from(all.keys()).filter(symbol => all[symbol]! > 0)
  if (3 * used.length >= frequencies.byteLength) return {}
  const { device } = frequencies
  const counts = Uint16Array.from(used, symbol => all[symbol]!)
  return {
    symbols: device.upload(new Tensor('uint8', used, [used.length])),
    frequencies: device.upload(new Tensor('uint16', counts, [counts.length])),
  }
}

function checkRans(e: Encoded): void {
  if (dtypeBits[e.type] !== 8 || e.dims.length === 0)
    throw malformed(e, 'expected one dimension or more of a dtype of 8 bits')
  const { rows, columns } = symbolRows(e.dims)
  const size = rows * columns
  const lanes = metaInteger(e, 'lanes', 1, MAX_LANES)
  const chunk = metaInteger(e, 'chunk', 1, lanes * MAX_SYMBOLS_A_LANE)
  const row = Math.max(1, columns)
  if (chunk % row !== 0 || chunk > Math.max(row, size))
    throw malformed(e, 'expected meta.chunk to hold whole rows, and no more than there are')
  metaInteger(e, 'precision', 1, MAX_PRECISION)
  const chunks = Math.ceil(size / chunk)
  const several = chunks > 1
  if (several) shapedTensor(e, 'offsets', chunks + 1, 'uint32')
  if (several === (e.parts.offsets === undefined))
    throw malformed(e, `expected offsets for several chunks, and none for fewer; these are ${chunks}`)
  const stream = shapedTensor(e, 'stream', e.parts.stream?.dims[0] ?? 0, 'uint8')
  const symbols = e.parts.symbols?.dims[0] ?? 256
  shapedTensor(e, 'frequencies', symbols, 'uint16')
  if (e.parts.symbols !== undefined) shapedTensor(e, 'symbols', symbols, 'uint8')
  if (!stream.device.host) return
  checkFrequencies(e)
  checkChunks(e, chunks)
}

function shapedTensor(e: Encoded, name: string, size: number, type: 'uint8' | 'uint16' | 'uint32'): Tensor {
  shapedPart(e, name, [size], type)
  return tensorPart(e, name)
}

/** Frequencies make all slots; listed symbols rise, and are there. */
function checkFrequencies(e: Encoded): void {
  const { precision } = e.meta as unknown as RansLayout
  const frequencies = tensorPart(e, 'frequencies').data as Uint16Array
  if (firstSlots(frequencies).at(-1) !== 2 ** precision)
    throw malformed(e, `expected frequencies that sum to ${2 ** precision}`)
  if (e.parts.symbols === undefined) return
  const symbols = tensorPart(e, 'symbols').data as Uint8Array
  if (symbols.some((symbol, i) => i > 0 && symbol <= symbols[i - 1]!) || frequencies.includes(0))
    throw malformed(e, 'expected symbols in rising order, each of a frequency')
}

/** Each chunk has room for its states, and words of two bytes behind them. */
function checkChunks(e: Encoded, chunks: number): void {
  const { lanes } = e.meta as unknown as RansLayout
  const { size } = tensorPart(e, 'stream')
  const offsets =
    e.parts.offsets === undefined
      ? Uint32Array.of(0, ...(chunks === 0 ? [] : [size]))
      : (tensorPart(e, 'offsets').data as Uint32Array)
  if (offsets[0] !== 0 || offsets.at(-1) !== size)
    throw malformed(e, `expected offsets from 0 to the ${size} bytes of the stream`)
  for (let c = 0; c < chunks; c++) {
    const words = offsets[c + 1]! - offsets[c]! - 4 * lanes
    if (words < 0 || words % 2 !== 0)
      throw malformed(e, `expected ${lanes} states and words of 16 bits in chunk ${c}`)
  }
}

function decodeRans(e: Encoded, options: DecodeOptions = {}): Tensor {
  const [start, end] = rowRange(e, options)
  const layout = e.meta as unknown as RansLayout
  const { chunk } = layout
  const perEntry = productOf(e.dims.slice(1))
  const stream = tensorPart(e, 'stream')
  const made = stream.device.empty(e.type, [end - start, ...e.dims.slice(1)])
  const [from, to] = [start * perEntry, end * perEntry]
  if (from < to) {
    const [first, last] = [Math.floor(from / chunk), Math.ceil(to / chunk)]
    const begin = first * chunk
    const count = Math.min(last * chunk, e.dims[0]! * perEntry) - begin
    const out = count === made.size ? asBytes(made) : stream.device.empty('uint8', [count])
    ransDecode(stream, { ...layout, out, frequencies: allFrequencies(e), offsets: offsetsOf(e, first, last) })
    if (count > made.size) cast(out.rows(from - begin, to - begin), 'uint8', { out: asBytes(made) })
  }
  return decoded(e, made, options)
}

function offsetsOf(e: Encoded, first: number, last: number): Tensor {
  if (e.parts.offsets !== undefined) return tensorPart(e, 'offsets').rows(first, last + 1)
  const stream = tensorPart(e, 'stream')
  return stream.device.upload(new Tensor('uint32', [0, stream.size], [2]))
}

/** (256) frequencies, with 0 for symbols that are not there. */
function allFrequencies(e: Encoded): Tensor {
  const frequencies = tensorPart(e, 'frequencies')
  if (e.parts.symbols === undefined) return frequencies
  const all = new Uint16Array(256)
  const counts = frequencies.data as Uint16Array
  for (const [i, symbol] of (tensorPart(e, 'symbols').data as Uint8Array).entries()) all[symbol] = counts[i]!
  return frequencies.device.upload(new Tensor('uint16', all, [256]))
}

/** The same memory as a line of bytes. */
function asBytes({ memory, byteOffset, byteLength }: Tensor): Tensor {
  return new Tensor('uint8', memory, [byteLength], byteOffset, false)
}
