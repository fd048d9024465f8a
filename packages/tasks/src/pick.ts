import type { Rng } from '@tersor/core-tensor'

/** One of a list, each equally likely. */
export function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng.integer(list.length)]!
}

/**
 * One of a list whose first entries are the most frequent, as words in any language: the density at the share q of
 * the list is 1/(2√q), so the last is still drawn half as often as if all were equal.
 */
export function pickFrequent<T>(rng: Rng, list: readonly T[]): T {
  return list[Math.floor(list.length * rng.uniform() ** 2)]!
}

/** Some of such a list, none twice. */
export function pickFrequentDistinct<T>(rng: Rng, list: readonly T[], count: number): T[] {
  const chosen = new Set<T>()
  while (chosen.size < count) chosen.add(pickFrequent(rng, list))
  return [...chosen]
}

/** Some of a list in random order, none twice. */
export function pickDistinct<T>(rng: Rng, list: readonly T[], count: number): T[] {
  const chosen = new Set<number>()
  // A full shuffle costs the length of the list; redrawing is cheap while few of many are wanted.
  if (count * 2 > list.length)
    return Array.from(rng.permutation(list.length).subarray(0, count), i => list[i]!)
  while (chosen.size < count) chosen.add(rng.integer(list.length))
  return Array.from(chosen, i => list[i]!)
}

/** A key of a table of weights, as likely as its weight. */
export function pickWeighted<K extends string>(rng: Rng, weights: Readonly<Partial<Record<K, number>>>): K {
  const entries = Object.entries(weights) as [K, number][]
  let left = rng.uniform() * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [key, weight] of entries) {
    left -= weight
    if (left < 0) return key
  }
  return entries[entries.length - 1]![0]
}

/** A whole number from `low` to `high`, both included. */
export function between(rng: Rng, low: number, high: number): number {
  return low + rng.integer(high - low + 1)
}
