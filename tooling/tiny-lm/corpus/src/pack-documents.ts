import { ShapeError } from '@tersor/core-tensor'
import type { Document } from './encode-sample.ts'

/** Documents side by side in a window of fixed length; no token sees another document's. */
export interface Window {
  /** (length) */
  readonly tokens: Int32Array
  /** (length) How much the loss of a token counts, as the one to be predicted; 0 where a document begins, and in padding. */
  readonly weights: Float32Array
  /** (segments + 1) Where each segment begins, then the length. Padding is a segment of its own. */
  readonly borders: Int32Array
  /** (segments) Where each is from; `padding` for the last, where there is some. */
  readonly families: readonly string[]
}

export interface PackOptions {
  /** Tokens of the window. */
  length: number
  /** Fills what no document fits. */
  padding: number
}

/**
 * Packs documents into a window, one after the other, until none fits.
 *
 * @param next  a document of at most so many tokens, or nothing when there is none so short
 * @throws {ShapeError} when a document is longer than it may be
 */
export function packDocuments(
  next: (room: number) => Document | undefined,
  { length, padding }: PackOptions,
): Window {
  const tokens = new Int32Array(length).fill(padding)
  const weights = new Float32Array(length)
  const borders = [0]
  const families: string[] = []
  let used = 0
  while (used < length) {
    const document = next(length - used)
    if (document === undefined) break
    if (document.tokens.length > length - used) {
      throw new ShapeError(
        `[corpus/pack] expected a document of at most ${length - used} tokens, got ${document.tokens.length} of ${document.family}`,
      )
    }
    tokens.set(document.tokens, used)
    weights.set(document.weights, used)
    used += document.tokens.length
    borders.push(used)
    families.push(document.family)
  }
  if (used < length) {
    borders.push(length)
    families.push('padding')
  }
  return { tokens, weights, borders: Int32Array.from(borders), families }
}
