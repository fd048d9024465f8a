/**
 * What speaks against counts being draws of given probabilities, or undefined: Pearson's χ², beyond what one sample in
 * 30,000 exceeds (4 standard deviations, by Wilson and Hilferty's approximation). Outcomes that are expected fewer than
 * five times count together, and an impossible one may not occur.
 */
export function chiSquareProblem(
  counts: ArrayLike<number>,
  probabilities: ArrayLike<number>,
): string | undefined {
  const all = Array.from(counts)
  const draws = all.reduce((a, b) => a + b, 0)
  const outcomes = all.map((seen, i) => ({ i, seen, expected: draws * probabilities[i]! }))
  const impossible = outcomes.find(({ seen, expected }) => expected === 0 && seen > 0)
  if (impossible !== undefined)
    return `outcome ${impossible.i} has probability 0 and occurred ${impossible.seen} times`

  const frequent = outcomes.filter(({ expected }) => expected >= 5)
  const rare = outcomes.filter(({ expected }) => expected > 0 && expected < 5)
  const together = rare.reduce(
    (sum, { seen, expected }) => ({ seen: sum.seen + seen, expected: sum.expected + expected }),
    { seen: 0, expected: 0 },
  )
  const bins = together.expected > 0 ? [...frequent, together] : frequent
  const statistic = bins.reduce((sum, { seen, expected }) => sum + (seen - expected) ** 2 / expected, 0)
  const freedom = Math.max(bins.length - 1, 1)
  const bound = freedom * (1 - 2 / (9 * freedom) + 4 * Math.sqrt(2 / (9 * freedom))) ** 3
  return statistic <= bound ? undefined : `χ² is ${statistic.toFixed(1)}, beyond ${bound.toFixed(1)}`
}
