/** How patient reading from a server is. What was read before a break is not asked for again. */
export interface RetryOptions {
  /** How often in a row a request that brings nothing is repeated: 5 by default. */
  retries?: number | undefined
  /** Milliseconds before the first repetition, doubled with each: 500 by default. */
  delay?: number | undefined
  /** Milliseconds without a byte after which an answer counts as broken off: 30 000 by default. */
  stall?: number | undefined
}

export type Patience = { readonly [K in keyof Required<RetryOptions>]: number }

/** Longer pauses help nobody who watches. */
const MAX_DELAY = 16_000

/** A server that asks for a longer pause is told to the caller instead. */
const MAX_ASKED_DELAY = 60_000

export function patienceOf({ retries = 5, delay = 500, stall = 30_000 }: RetryOptions = {}): Patience {
  return { retries, delay, stall }
}

/**
 * Milliseconds before a repetition.
 *
 * @param failures  that came in a row, at least one
 * @param asked  for by the server
 * @returns undefined when no repetition is left, or the server asks for more than a minute
 */
export function pauseBefore(
  { retries, delay }: Patience,
  failures: number,
  asked: number | undefined,
): number | undefined {
  if (failures > retries || (asked ?? 0) > MAX_ASKED_DELAY) return undefined
  return Math.max(Math.min(delay * 2 ** (failures - 1), MAX_DELAY), asked ?? 0)
}
