import { ShapeError } from '../errors.ts'

/**
 * The number of elements of a shape.
 *
 * @throws {ShapeError} when a dimension is not a whole number ≥ 0 or the product passes 2^53
 * @example
 * sizeOf([2, 3, 4]) // => 24
 */
export function sizeOf(dims: readonly number[], where = 'dims'): number {
  // A zero hides an overflow of the others, so the product without zeros is what must stay exact.
  const whole = Array.isArray(dims) && dims.every(dim => isWhole(dim))
  if (!whole || !isWhole(productOf(dims.map(dim => dim || 1)))) {
    throw new ShapeError(
      `[${where}] expected whole dimensions ≥ 0, of fewer than 2^53 elements, got [${dims}]`,
    )
  }
  return productOf(dims)
}

/** The product of dimensions that were checked already. */
export function productOf(dims: readonly number[]): number {
  let product = 1
  for (const dim of dims) product *= dim
  return product
}

/** Whether something is a whole number from 0 to `last`. */
export function isWhole(x: unknown, last: number = Number.MAX_SAFE_INTEGER): x is number {
  return Number.isInteger(x) && (x as number) >= 0 && (x as number) <= last
}

/** A shape seen as (rows, columns): leading dimensions folded together, the last one kept. A scalar is (1, 1). */
export function matrixDims(dims: readonly number[]): { rows: number; columns: number } {
  return { rows: productOf(dims.slice(0, -1)), columns: dims.at(-1) ?? 1 }
}

/** A shape seen as (outer, axis, inner) around one axis; a negative axis counts from the end. */
export function aroundAxis(
  dims: readonly number[],
  axis: number,
  where: string,
): { outer: number; length: number; inner: number; axis: number } {
  const at = axis < 0 ? axis + dims.length : axis
  if (!isWhole(at, dims.length - 1)) {
    throw new ShapeError(`[${where}] expected an axis of [${dims}], got ${axis}`)
  }
  return {
    outer: productOf(dims.slice(0, at)),
    length: dims[at]!,
    inner: productOf(dims.slice(at + 1)),
    axis: at,
  }
}

/** Elements from one entry of an axis to the next, row-major; 0 where the axis has length 1, which repeats. */
export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((dim, i) => (dim === 1 ? 0 : productOf(dims.slice(i + 1))))
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
