import { ShapeError, type Tokenizer } from '@tersor/core-tensor'

export interface TextTokensOptions {
  /** Tokens of a text at most, special ones among them. */
  readonly maxTokens: number
  /** Cuts what is longer; with false it is refused. */
  readonly truncate: boolean
}

/**
 * The tokens of a text between the special ones that a tokenizer puts around it. Of a longer text the end is cut, and the
 * special tokens stay.
 *
 * @throws {ShapeError} for a longer text that is not to be cut, or when not even the special tokens fit
 */
export function textTokens(
  tokenizer: Tokenizer,
  text: string,
  { maxTokens, truncate }: TextTokensOptions,
): Int32Array {
  const whole = tokenizer.encode(text, { addSpecial: true })
  if (whole.length <= maxTokens) return whole
  if (!truncate) {
    throw new ShapeError(
      `[models/text-tokens] expected a text of at most ${maxTokens} tokens, got ${whole.length} in '${text.slice(0, 40)}'…; split it, or pass truncate: true`,
    )
  }
  const own = tokenizer.encode(text)
  const before = placeOf(own, whole)
  const after = whole.length - own.length - before
  if (before + after >= maxTokens) {
    throw new ShapeError(
      `[models/text-tokens] expected room for more than the ${before + after} special tokens, got maxTokens ${maxTokens}`,
    )
  }
  const kept = before + own.length - (whole.length - maxTokens)
  return Int32Array.of(...whole.subarray(0, kept), ...whole.subarray(whole.length - after))
}

/** Where the tokens of a text begin among those with special ones around them. */
function placeOf(own: Int32Array, whole: Int32Array): number {
  for (let start = 0; start <= whole.length - own.length; start++)
    if (own.every((token, i) => whole[start + i] === token)) return start
  throw new ShapeError(
    '[models/text-tokens] expected a tokenizer that puts special tokens around a text, got one that changes it; pass texts that fit',
  )
}
