import { ShapeError } from '@tersor/core-tensor'

/** How the symbols of a stream are dealt out to coders. */
export interface RansLayout {
  chunk: number
  precision: number
  lanes: number
}

/** What a coder starts from and what its decoder ends at; between symbols states are below 2^32, and not below this. */
export const START_STATE = 2 ** 16

export const MAX_PRECISION = 12
export const MAX_LANES = 256

/** @throws {ShapeError} unless chunk ≥ 1, 1 ≤ precision ≤ 12 and 1 ≤ lanes ≤ 256, all whole */
export function checkLayout(where: string, { chunk, precision, lanes }: RansLayout): void {
  checkPrecision(where, precision)
  if (!Number.isSafeInteger(chunk) || chunk < 1)
    throw new ShapeError(`[${where}] expected a chunk of one symbol or more, got ${chunk}`)
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > MAX_LANES)
    throw new ShapeError(`[${where}] expected 1 to ${MAX_LANES} lanes, got ${lanes}`)
}

/** @throws {ShapeError} unless precision is whole, from 1 to 12 */
export function checkPrecision(where: string, precision: number): void {
  if (!Number.isInteger(precision) || precision < 1 || precision > MAX_PRECISION)
    throw new ShapeError(`[${where}] expected a precision of 1 to ${MAX_PRECISION} bits, got ${precision}`)
}

/** Where the slots of each symbol begin, and behind the last symbol how many there are. */
export function firstSlots(frequencies: Uint16Array): Uint32Array {
  const first = new Uint32Array(frequencies.length + 1)
  for (let s = 0; s < frequencies.length; s++) first[s + 1] = first[s]! + frequencies[s]!
  return first
}
