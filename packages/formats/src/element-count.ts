import { FormatError } from '@tersor/core-tensor'

/** The most axes that NumPy has; a file with more is not a model. */
export const MAX_RANK = 64

/**
 * The number of elements of a shape that a file declares.
 *
 * @throws {FormatError} unless all dimensions are whole, ≥ 0, and their product stays below 2^53
 */
export function elementCount(dims: readonly unknown[], where: string): number {
  if (dims.length > MAX_RANK) {
    throw new FormatError(`[${where}] expected at most ${MAX_RANK} dimensions, got ${dims.length}`)
  }
  let size = 1
  // A zero hides an overflow of the others, so the product without zeros is what must stay exact.
  let nonZero = 1
  for (const dim of dims) {
    if (typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0) {
      throw new FormatError(
        `[${where}] expected whole dimensions ≥ 0, got ${JSON.stringify(dims).slice(0, 100)}`,
      )
    }
    size *= dim
    nonZero *= Math.max(dim, 1)
  }
  if (!Number.isSafeInteger(nonZero)) {
    throw new FormatError(`[${where}] expected fewer than 2^53 elements, got [${dims.join(',')}]`)
  }
  return size
}
