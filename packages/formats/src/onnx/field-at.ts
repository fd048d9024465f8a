import { FormatError } from '@tersor/core-tensor'

/** The most bytes that a field has before its value, or before and with its value where that is a varint. */
export const MAX_HEAD_BYTES = 20

/** 64 bits, 7 in each. */
const MAX_VARINT_BYTES = 10

/** How values are delimited: `BinaryReader`'s names are those of the specification of protocol buffers. */
const VARINT = 0
const FIXED64 = 1
export const DELIMITED = 2
const FIXED32 = 5

/** A field of a message in protocol buffers, as it lies in the bytes. */
export interface WireField {
  readonly number: number
  readonly wireType: number
  /** Bytes before the value. */
  readonly headBytes: number
  readonly valueBytes: number
}

/**
 * The field that starts with `bytes`, of which {@link MAX_HEAD_BYTES} are enough.
 *
 * @throws {FormatError} for numbers that are too long, cut short or no field's, and for groups, which ONNX has not
 */
export function fieldAt(bytes: Uint8Array, where: string): WireField {
  const tag = varintAt(bytes, 0, where)
  const [number, wireType] = [Math.floor(tag.value / 8), tag.value % 8]
  if (number === 0 || number >= 2 ** 29)
    throw new FormatError(`[${where}] expected fields of numbers from 1 to 2^29, got ${number}; ${ADVICE}`)
  const field = { number, wireType, headBytes: tag.end }
  switch (wireType) {
    case VARINT:
      return { ...field, valueBytes: varintAt(bytes, tag.end, where).end - tag.end }
    case FIXED64:
      return { ...field, valueBytes: 8 }
    case FIXED32:
      return { ...field, valueBytes: 4 }
    case DELIMITED: {
      const length = varintAt(bytes, tag.end, where)
      return { ...field, headBytes: length.end, valueBytes: length.value }
    }
    default:
      throw new FormatError(`[${where}] expected wire types 0, 1, 2 and 5, got ${wireType}; ${ADVICE}`)
  }
}

export const ADVICE = 'is this an ONNX file, and whole?'

/** A whole number of 7 bits a byte, the lowest first; above 2^53 near it, which is too long for any length. */
function varintAt(bytes: Uint8Array, at: number, where: string): { value: number; end: number } {
  let [value, scale] = [0, 1]
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) break
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  throw new FormatError(
    `[${where}] expected numbers of at most ${MAX_VARINT_BYTES} bytes, got one that goes on; ${ADVICE}`,
  )
}
