/**
 * Bits that a model needs for each byte of a text: comparable between tokenizers, as perplexity is not.
 *
 * @param nats  mean negative log-likelihood of a token
 * @param tokens  tokens scored
 * @param bytes  UTF-8 bytes of the text that they spell
 * @example
 * bitsPerByte(Math.LN2, 8, 4) // => 2
 */
export function bitsPerByte(nats: number, tokens: number, bytes: number): number {
  return (nats * tokens) / (Math.LN2 * bytes)
}
