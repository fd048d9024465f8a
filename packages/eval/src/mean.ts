/** A mean and how far it may be off. */
export interface Mean {
  readonly mean: number
  /** Standard deviation of the sample over √n; 0 for fewer than two. */
  readonly standardError: number
  readonly n: number
}

/**
 * The mean of a sample with its standard error; of differences, that is the paired standard error.
 *
 * @example
 * meanOf([1, 2, 3, 4]).mean // => 2.5
 */
export function meanOf(sample: readonly number[]): Mean {
  const n = sample.length
  const mean = n === 0 ? Number.NaN : sample.reduce((sum, x) => sum + x, 0) / n
  if (n < 2) return { mean, standardError: 0, n }
  const squares = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  return { mean, standardError: Math.sqrt(squares / (n - 1) / n), n }
}
