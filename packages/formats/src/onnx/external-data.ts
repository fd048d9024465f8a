import { FormatError } from '@tersor/core-tensor'
import type { StringStringEntryProto } from 'onnx-buf'
import { quoted } from '../quoted.ts'

const WHERE = 'formats/onnx'

/** Where the bytes of a tensor lie in another file. */
export interface ExternalData {
  /** A path from the folder of the model on, with `/` between its parts. */
  readonly location: string
  readonly start: number
  /** Undefined where the file leaves it to the shape. */
  readonly byteLength: number | undefined
}

/**
 * What `external_data` says of the tensor `name`.
 *
 * @throws {FormatError} unless it says where, and that is inside the model's folder
 */
export function externalData(name: string, entries: readonly StringStringEntryProto[]): ExternalData {
  const said = new Map(entries.map(({ key, value }) => [key, value]))
  const location = said.get('location')
  if (location === undefined || !isInside(location)) {
    throw new FormatError(
      `[${WHERE}] expected the elements of ${quoted(name)} in a file of the model's folder, got ` +
        `${location === undefined ? 'no location' : quoted(location)}`,
    )
  }
  const number = (key: string) => {
    const text = said.get(key)
    if (text === undefined) return undefined
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value)) return value
    throw new FormatError(
      `[${WHERE}] expected ${key} of ${quoted(name)} to be a whole number, got ${quoted(text)}`,
    )
  }
  return { location, start: number('offset') ?? 0, byteLength: number('length') }
}

/** A relative path that leads nowhere else on any system, nor as part of a URL. */
function isInside(location: string): boolean {
  const parts = location.split('/')
  return parts.every(part => /^[^\\:?#%\0]+$/.test(part) && part !== '..')
}
