import { ShapeError } from '@tersor/core-tensor'
import { quoted } from './quoted.ts'
import type { ReadOptions, TensorInfo } from './weight-file.ts'

/** Where some rows of a tensor lie, from its first byte on. */
export interface RowRange {
  readonly dims: readonly number[]
  readonly start: number
  readonly byteLength: number
}

/**
 * The part of a tensor that is to be read.
 *
 * @throws {ShapeError} when it has no such rows
 */
export function rowRange(
  name: string,
  { dims: stored, byteLength }: Pick<TensorInfo, 'dims' | 'byteLength'>,
  { rows, flat = false }: ReadOptions,
  where: string,
): RowRange {
  const dims = flat ? flattened(stored) : stored
  if (rows === undefined) return { dims, start: 0, byteLength }
  const [count = 0, ...rest] = dims
  const [start, end] = rows
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end)
  if (!whole || start < 0 || start > end || end > count) {
    throw new ShapeError(
      `[${where}] expected rows of ${quoted(name)} within 0 to ${count}, got ${start} to ${end}`,
    )
  }
  const rowBytes = count === 0 ? 0 : byteLength / count
  return { dims: [end - start, ...rest], start: start * rowBytes, byteLength: (end - start) * rowBytes }
}

function flattened(dims: readonly number[]): readonly number[] {
  if (dims.length < 3) return dims
  return [dims.slice(0, -1).reduce((product, dim) => product * dim, 1), dims.at(-1)!]
}
