import { FormatError } from '@tersor/core-tensor'

/** How the vectors of a text's tokens become one: their mean, the first one, or the largest of each element. */
export type PoolingKind = 'mean' | 'cls' | 'max'

/** What of the files of an encoder is about whole texts. */
export interface Pooling {
  readonly kind: PoolingKind
  /** Whether vectors are divided by their length. */
  readonly normalize: boolean
  /** Tokens of a text that are read at most, special ones among them; the model's context without. */
  readonly maxTokens?: number | undefined
  /** What stands before every text. */
  readonly prompt?: string | undefined
}

/** What an encoder has whose files say nothing. */
export const DEFAULT_POOLING: Pooling = { kind: 'mean', normalize: true }

/**
 * Throws unless a value is a pooling, as configurations may come from strangers.
 *
 * @throws {FormatError}
 */
export function checkPooling(value: unknown): void {
  const { kind, normalize, maxTokens, prompt } = Object(value) as { [K in keyof Pooling]: unknown }
  const fits =
    (kind === 'mean' || kind === 'cls' || kind === 'max') &&
    typeof normalize === 'boolean' &&
    (maxTokens === undefined || (Number.isInteger(maxTokens) && Number(maxTokens) >= 1)) &&
    (prompt === undefined || typeof prompt === 'string')
  if (fits) return
  throw new FormatError(
    `[models/config] expected a pooling by mean, cls or max with its normalize, got ${JSON.stringify(value)?.slice(0, 80)}`,
  )
}
