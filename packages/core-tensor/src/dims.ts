import { ShapeError } from './errors.ts'

/**
 * The number of elements of a shape.
 *
 * @throws {ShapeError} when a dimension is not a whole number ≥ 0 or the product passes 2^53
 * @example
 * sizeOf([2, 3, 4]) // => 24
 */
export function sizeOf(dims: readonly number[], where = 'dims'): number {
  let size = 1
  // A zero hides an overflow of the others, so the product without zeros is what must stay exact.
  let full = 1
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new ShapeError(`[${where}] expected whole dimensions ≥ 0, got [${dims}]`)
    }
    size *= dim
    full *= dim || 1
  }
  if (!Number.isSafeInteger(full)) {
    throw new ShapeError(`[${where}] expected fewer than 2^53 elements, got [${dims}]`)
  }
  return size
}

/** A shape seen as (rows, columns): leading dimensions folded together, the last one kept. A scalar is (1, 1). */
export function matrixDims(dims: readonly number[]): { rows: number; columns: number } {
  const columns = dims.length === 0 ? 1 : dims[dims.length - 1]!
  let rows = 1
  for (let i = 0; i + 1 < dims.length; i++) rows *= dims[i]!
  return { rows, columns }
}

/** A shape seen as (outer, axis, inner) around one axis; a negative axis counts from the end. */
export function aroundAxis(
  dims: readonly number[],
  axis: number,
  where: string,
): { outer: number; length: number; inner: number; axis: number } {
  const at = axis < 0 ? axis + dims.length : axis
  if (!Number.isInteger(at) || at < 0 || at >= dims.length) {
    throw new ShapeError(`[${where}] expected an axis of [${dims}], got ${axis}`)
  }
  let outer = 1
  let inner = 1
  for (let i = 0; i < at; i++) outer *= dims[i]!
  for (let i = at + 1; i < dims.length; i++) inner *= dims[i]!
  return { outer, length: dims[at]!, inner, axis: at }
}

/** Throws unless a tensor has given dimensions; `what` names it. */
export function requireDims(
  where: string,
  what: string,
  given: { readonly dims: readonly number[] },
  dims: readonly number[],
): void {
  if (!sameDims(given.dims, dims)) {
    throw new ShapeError(`[${where}] expected ${what} of [${dims}], got [${given.dims}]`)
  }
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i])
}
