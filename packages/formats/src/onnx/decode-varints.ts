import { type DType, FormatError, type HostArray, hostArrayOf } from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'

const WHERE = 'formats/onnx'

/** 64 bits, 7 in each. */
const MAX_VARINT_BYTES = 10

/**
 * Elements that are stored as numbers of varying length, 7 bits in a byte, the lowest first.
 *
 * @param count  numbers, which may be fewer than elements of 4 bits
 * @throws {FormatError} unless `bytes` are so many numbers that the type can hold
 */
export function decodeVarints(
  bytes: Uint8Array,
  { name, type, count }: { name: string; type: DType; count: number },
): HostArray {
  const HostArray = hostArrayOf(type)
  const values = new HostArray(count)
  const words = type === 'int64' ? new Int32Array(values.buffer) : undefined
  let at = 0
  for (let i = 0; i < count; i++) {
    let [low, high, shift] = [0, 0, 0]
    for (let byte = 0x80; byte >= 0x80; shift += 7) {
      if (at === bytes.length || shift === 7 * MAX_VARINT_BYTES)
        throw unlike(name, `${count} numbers`, `${i}`)
      byte = bytes[at++]!
      const bits = byte & 0x7f
      if (shift < 32) low |= bits << shift
      if (shift >= 32) high |= bits << (shift - 32)
      else if (shift === 28) high |= bits >> 4
    }
    if (words !== undefined) {
      words[2 * i] = low
      words[2 * i + 1] = high
      continue
    }
    const value = type === 'uint32' ? high * 2 ** 32 + (low >>> 0) : low
    values[i] = value
    if (values[i] !== value) throw unlike(name, `numbers of ${type}`, String(value))
  }
  if (at !== bytes.length) throw unlike(name, `${count} numbers`, 'more')
  return values
}

function unlike(name: string, expected: string, got: string): FormatError {
  return new FormatError(`[${WHERE}] expected ${expected} for ${quoted(name)}, got ${got}`)
}
