/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054

/**
 * Where a rate lies with 95 % confidence, given how many of n tries succeeded (Wilson, 1927): honest also near 0 and 1,
 * where a rate plus or minus its standard error is not.
 *
 * @example
 * wilsonInterval(400, 400).low // => ≈ 0.990
 * wilsonInterval(0, 0) // => { low: 0, high: 1 }
 */
export function wilsonInterval(successes: number, n: number): { low: number; high: number } {
  if (n === 0) return { low: 0, high: 1 }
  const rate = successes / n
  const middle = rate + (Z * Z) / (2 * n)
  const spread = Z * Math.sqrt((rate * (1 - rate)) / n + (Z / (2 * n)) ** 2)
  const scale = 1 + (Z * Z) / n
  return { low: Math.max(0, (middle - spread) / scale), high: Math.min(1, (middle + spread) / scale) }
}
