import { sizeOf } from '@tersor/core-tensor'

/**
 * Elements of a slice: 16 MiB as float32, next to which a runtime of 60 MiB is most of what a job holds, and so many that the time
 * to begin with each does not count.
 */
export const SLICE_ELEMENTS = 2 ** 22

/** Some rows of a weight. */
export interface Slice {
  /** Of the weight as a matrix over its last axis. */
  readonly rows: readonly [start: number, end: number]
  /** What it looks like to a method: as many dimensions as the weight has. */
  readonly dims: readonly number[]
}

/**
 * Cuts a weight into slices of about so many elements: entries of its first axis, or rows of one entry where a stack has large ones.
 *
 * @param step  slices are cut at multiples of so many rows
 * @returns undefined where it stays whole
 */
export function cutRows(
  dims: readonly number[],
  step: number,
  elements: number = SLICE_ELEMENTS,
): readonly Slice[] | undefined {
  const [entries, ...inner] = dims
  if (entries === undefined || inner.length === 0 || sizeOf(dims) <= elements) return undefined
  const columns = inner.at(-1)!
  const rows = sizeOf(inner.slice(0, -1))
  // Two rows of numbers of 4 bits begin on a byte.
  const unit = step % 2 === 0 ? step : 2 * step
  if (inner.length === 2 && rows * columns > elements && rows % unit === 0) {
    const count = multipleBelow(elements / columns, unit)
    return Array.from({ length: entries }, (_, entry) =>
      pieces(rows, count).map(
        ([start, end]): Slice => ({
          rows: [entry * rows + start, entry * rows + end],
          dims: [1, end - start, columns],
        }),
      ),
    ).flat()
  }
  const count = multipleBelow(elements / (rows * columns), unit / greatestDivisor(unit, rows))
  if (count >= entries) return undefined
  return pieces(entries, count).map(([start, end]) => ({
    rows: [start * rows, end * rows],
    dims: [end - start, ...inner],
  }))
}

/** The largest multiple that is not above a number, and at least one. */
function multipleBelow(most: number, unit: number): number {
  return Math.max(unit, Math.floor(most / unit) * unit)
}

function pieces(length: number, count: number): (readonly [start: number, end: number])[] {
  return Array.from({ length: Math.ceil(length / count) }, (_, i) => [
    i * count,
    Math.min(length, (i + 1) * count),
  ])
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
