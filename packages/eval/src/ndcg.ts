import { ShapeError } from '@tersor/core-tensor'

/**
 * Normalised discounted cumulative gain of a ranking: Σ gain / log₂(rank + 1) over the first results, divided by the same
 * sum of the best ranking that there is (Järvelin and Kekäläinen, 2002). 0 where nothing is relevant.
 *
 * @param ranking  what was found, the best first
 * @param gains  what finding each relevant one is worth; 1 for all where judgements are yes or no
 * @param at  how many results count
 * @throws {ShapeError} unless `at` is a whole number of at least 1 and gains are not negative
 * @example
 * ndcg(['b', 'x', 'a'], new Map([['a', 1], ['b', 1]]), 10) // => ≈ 0.9197
 */
export function ndcg<T>(ranking: readonly T[], gains: ReadonlyMap<T, number>, at: number): number {
  if (!Number.isInteger(at) || at < 1)
    throw new ShapeError(`[eval/ndcg] expected to count at least one result, got ${at}`)
  const best = [...gains.values()].sort((a, b) => b - a)
  if (best.some(gain => !(gain >= 0)))
    throw new ShapeError(`[eval/ndcg] expected gains of at least 0, got ${best.find(gain => !(gain >= 0))}`)
  const ideal = discounted(best.slice(0, at))
  const found = new Set<T>()
  const won = ranking.slice(0, at).map(result => {
    // A result that stands there twice is found once.
    const gain = found.has(result) ? 0 : (gains.get(result) ?? 0)
    found.add(result)
    return gain
  })
  return ideal === 0 ? 0 : discounted(won) / ideal
}

function discounted(gains: readonly number[]): number {
  return gains.reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0)
}
