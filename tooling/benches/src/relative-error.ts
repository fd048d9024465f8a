/**
 * ‖a − b‖ / ‖b‖: 0 for equal numbers, about 1.4 for two that have nothing to do with each other.
 *
 * @throws {RangeError} when they differ in length
 */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length)
    throw new RangeError(`[relativeError] expected ${b.length} numbers, got ${a.length}`)
  let [difference, size] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    size += b[i]! ** 2
  }
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size)
}
