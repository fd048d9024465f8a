import { type DType, FormatError, UnsupportedError } from '@tersor/core-tensor'
import { elementCount } from '../element-count.ts'
import { quoted } from '../quoted.ts'
import { npyDTypes } from './npy-dtypes.ts'
import { type PythonLiteral, pythonLiteral } from './python-literal.ts'

const WHERE = 'formats/npy'

/** '\x93NUMPY' */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** NumPy's own limit for untrusted files. */
const MAX_HEADER_BYTES = 10_000

/** So many bytes of a file hold its header. */
export const MAX_START_BYTES = 12 + MAX_HEADER_BYTES

/** What stands before the data of an array. */
export interface NpyHeader {
  /** As NumPy spells the dtype: `<f4`; of records their fields. */
  readonly descr: string
  /** Undefined where Tersor has none. */
  readonly type: DType | undefined
  readonly bigEndian: boolean
  readonly dims: readonly number[]
  readonly fortranOrder: boolean
  /** Where the data start in the file. */
  readonly dataStart: number
}

/**
 * Reads the header of a `.npy` file: magic, version (two bytes), length (uint16, from version 2 on uint32), dictionary.
 *
 * @param start  the file, or its first {@link MAX_START_BYTES}
 * @throws {FormatError} when it is malformed
 */
export function npyHeader(start: Uint8Array): NpyHeader {
  if (start.length < 12 || MAGIC.some((byte, i) => start[i] !== byte)) {
    throw new FormatError(`[${WHERE}] expected a file that starts with '\\x93NUMPY'; is this an .npy file?`)
  }
  const version = start[6]!
  if (version < 1 || version > 3)
    throw new UnsupportedError(`[${WHERE}] expected version 1, 2 or 3, got ${version}`)
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const headerStart = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const dataStart = headerStart + length
  if (length > MAX_HEADER_BYTES || dataStart > start.length) {
    throw new FormatError(
      `[${WHERE}] expected a header of at most ${MAX_HEADER_BYTES} bytes within the file, got ${length}`,
    )
  }
  const text = String.fromCharCode(...start.subarray(headerStart, dataStart))
  return { ...parsed(text), dataStart }
}

function parsed(text: string): Omit<NpyHeader, 'dataStart'> {
  const header = pythonLiteral(text, WHERE)
  if (!(header instanceof Map) || header.size !== 3) throw malformed(text)
  const entries: ReadonlyMap<string, PythonLiteral> = header
  const [descr, fortranOrder, dims] = ['descr', 'fortran_order', 'shape'].map(key => entries.get(key))
  if (!isDescr(descr) || typeof fortranOrder !== 'boolean' || !isShape(dims)) throw malformed(text)
  elementCount(dims, WHERE)
  return { ...dtypeOf(descr), dims, fortranOrder }
}

function isDescr(descr: PythonLiteral | undefined): descr is string | readonly PythonLiteral[] {
  return typeof descr === 'string' || Array.isArray(descr)
}

function isShape(shape: PythonLiteral | undefined): shape is readonly number[] {
  return Array.isArray(shape) && shape.every(dim => typeof dim === 'number')
}

/** NumPy's own order, `=`, is little-endian wherever JavaScript runs today. */
function dtypeOf(descr: string | readonly PythonLiteral[]): Pick<NpyHeader, 'descr' | 'type' | 'bigEndian'> {
  if (typeof descr !== 'string') return { descr: JSON.stringify(descr), type: undefined, bigEndian: false }
  const [, order, kind] = /^([<>=|]?)(\w+)$/.exec(descr) ?? []
  const type = [`<${kind}`, `|${kind}`]
    .filter(spelled => Object.hasOwn(npyDTypes, spelled))
    .map(spelled => npyDTypes[spelled])[0]
  return { descr, type, bigEndian: order === '>' }
}

/** @throws {UnsupportedError} */
export function refuseDtype(descr: string): never {
  throw new UnsupportedError(
    `[${WHERE}] expected one of ${Object.keys(npyDTypes).join(', ')}, got ${quoted(descr)}; ` +
      (descr.endsWith('O')
        ? 'objects are pickled, which is never run: save arrays of numbers'
        : "convert the array in NumPy first, as with array.astype('<f4')"),
  )
}

function malformed(text: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected a header with descr, fortran_order and shape of an array, got ${quoted(text)}`,
  )
}
