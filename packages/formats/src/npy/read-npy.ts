import { bytesOf, type DType, FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import { elementCount } from '../element-count.ts'
import { quoted } from '../quoted.ts'
import { npyDTypes } from './npy-dtypes.ts'

const WHERE = 'formats/npy'

/** '\x93NUMPY' */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** NumPy's own limit for untrusted files. */
const MAX_HEADER_BYTES = 10_000

/** An entry of the header, a Python dictionary of three known keys. */
const ENTRY = /'(descr|fortran_order|shape)' *: *('[^']*'|True|False|\([\d, ]*\)) *,? */g

/**
 * Reads an array of NumPy's `.npy` format, versions 1 to 3.
 *
 * Arrays in C order are views of `bytes` where their alignment allows; those in Fortran order are transposed.
 *
 * @throws {FormatError} when the header is malformed or contradicts the length
 * @throws {UnsupportedError} for a dtype that Tersor lacks, or big-endian data
 * @example
 * const matrix = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * readNpy(writeNpy(matrix)).data // => Float32Array [1, 2, 3, 4]
 */
export function readNpy(bytes: Uint8Array): Tensor {
  const { text, dataStart } = headerText(bytes)
  const { type, dims, fortranOrder } = parseHeader(text)
  const byteLength = bytesOf(type, elementCount(dims, WHERE))
  if (byteLength !== bytes.length - dataStart) {
    throw new FormatError(
      `[${WHERE}] expected ${byteLength} bytes of data for ${type} [${dims}], got ${bytes.length - dataStart}; the file is cut short or too long`,
    )
  }
  const data = bytes.subarray(dataStart)
  if (!fortranOrder) return new Tensor(type, data, dims)
  const axes = dims.map((_, i) => dims.length - 1 - i)
  return transpose(new Tensor(type, data, [...dims].reverse()), axes)
}

/** Magic, version (two bytes), header length (uint16, from version 2 on uint32), header. */
function headerText(bytes: Uint8Array): { text: string; dataStart: number } {
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new FormatError(`[${WHERE}] expected a file that starts with '\\x93NUMPY'; is this an .npy file?`)
  }
  const version = bytes[6]!
  if (version < 1 || version > 3)
    throw new UnsupportedError(`[${WHERE}] expected version 1, 2 or 3, got ${version}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerStart = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const dataStart = headerStart + length
  if (length > MAX_HEADER_BYTES || dataStart > bytes.length) {
    throw new FormatError(
      `[${WHERE}] expected a header of at most ${MAX_HEADER_BYTES} bytes within the file, got ${length}`,
    )
  }
  return { text: String.fromCharCode(...bytes.subarray(headerStart, dataStart)), dataStart }
}

function parseHeader(text: string): { type: DType; dims: number[]; fortranOrder: boolean } {
  const dictionary = text.trim()
  const entries = new Map<string, string>()
  const rest = dictionary.replace(ENTRY, (entry, key: string, value: string) => {
    if (entries.has(key)) return entry
    entries.set(key, value)
    return ''
  })
  const [descr, fortranOrder, shape] = [
    entries.get('descr'),
    entries.get('fortran_order'),
    entries.get('shape'),
  ]
  if (
    rest.replaceAll(' ', '') !== '{}' ||
    !descr?.startsWith("'") ||
    !fortranOrder?.endsWith('e') ||
    !shape?.startsWith('(')
  ) {
    throw malformed(text)
  }
  const stored = descr.slice(1, -1)
  if (!Object.hasOwn(npyDTypes, stored)) {
    throw new UnsupportedError(
      `[${WHERE}] expected one of ${Object.keys(npyDTypes).join(', ')}, got ${quoted(stored)}; ` +
        "convert the array in NumPy first, as with array.astype('<f4')",
    )
  }
  const items = shape
    .slice(1, -1)
    .split(',')
    .map(item => item.trim())
  // A tuple of one ends with a comma, and one of none is a scalar.
  if (items.at(-1) === '') items.pop()
  if (!items.every(item => /^\d+$/.test(item))) throw malformed(text)
  const dims = items.map(Number)
  return { type: npyDTypes[stored]!, dims, fortranOrder: fortranOrder === 'True' }
}

function malformed(text: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected a header with descr, fortran_order and shape of a plain array, got ${quoted(text)}`,
  )
}
