/** How far numbers of one device are from those of another. */
export interface Agreement {
  /**
   * The largest difference in units in the last place of float32, taken at the expected number or at
   * the root mean square of all, whichever is larger: where numbers cancel to nearly nothing, what
   * was cancelled sets the scale. Infinity where only one side is a number.
   */
  readonly maxUlp: number
  /** The cosine of the angle between both; 1 where both are zero. */
  readonly cosine: number
}

/**
 * Compares the same numbers from two devices.
 *
 * @example
 * agreement(Float32Array.of(1, 2), Float32Array.of(1, 2 + 2 ** -22)).maxUlp // => 1
 */
export function agreement(expected: ArrayLike<number>, actual: ArrayLike<number>): Agreement {
  let dot = 0
  let left = 0
  let right = 0
  for (let i = 0; i < expected.length; i++) {
    dot += expected[i]! * actual[i]!
    left += expected[i]! ** 2
    right += actual[i]! ** 2
  }
  const floor = Math.sqrt(left / Math.max(1, expected.length))
  let maxUlp = 0
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i]!, actual[i]!]
    if (Object.is(a, b) || a === b) continue
    const ulps = Math.abs(a - b) / unitInLastPlace(Math.max(Math.abs(a), floor))
    maxUlp = Math.max(maxUlp, Number.isNaN(ulps) ? Infinity : ulps)
  }
  const cosine = left === 0 && right === 0 ? 1 : dot / Math.sqrt(left * right)
  return { maxUlp: Math.round(maxUlp), cosine: Number.isNaN(cosine) ? 0 : Math.min(1, cosine) }
}

/** The distance from |x| to the next float32. */
function unitInLastPlace(x: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(x))) - 23)
}
