import { ShapeError } from '@tersor/core-tensor'

/**
 * Spearman's rank correlation: how well one list of numbers is ordered as another, from −1 to 1; the Pearson correlation of
 * their ranks, of which equal numbers share the mean (Spearman, 1904). NaN where one of them has no order, as all its
 * numbers are equal or there are fewer than two.
 *
 * @throws {ShapeError} when the lists differ in length, or hold a NaN
 * @example
 * spearman([1, 2, 3, 4], [10, 20, 40, 30]) // => 0.8
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length)
    throw new ShapeError(
      `[eval/spearman] expected as many numbers on both sides, got ${a.length} and ${b.length}`,
    )
  const [left, right] = [ranks(a), ranks(b)]
  // Ranks and their shared means always add up to the same.
  const mean = (a.length + 1) / 2
  let [product, squares, others] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [left[i]! - mean, right[i]! - mean]
    product += x * y
    squares += x * x
    others += y * y
  }
  return product / Math.sqrt(squares * others)
}

/** The place of each number among all, from 1 on. */
function ranks(numbers: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: numbers.length }, (_, i) => i).sort((i, j) => numbers[i]! - numbers[j]!)
  const ranked = new Float64Array(numbers.length)
  for (let start = 0; start < order.length; ) {
    const value = numbers[order[start]!]!
    if (Number.isNaN(value))
      throw new ShapeError(`[eval/spearman] expected numbers that have an order, got NaN at ${order[start]}`)
    let end = start + 1
    while (end < order.length && numbers[order[end]!] === value) end++
    for (let at = start; at < end; at++) ranked[order[at]!] = (start + 1 + end) / 2
    start = end
  }
  return ranked
}
