import type { TokenizerKind } from '@tersor/core-tensor'

/** Looks up pieces of text. */
export interface VocabularyModel {
  readonly kind: TokenizerKind
  /** One more than the largest id. */
  readonly size: number
  idOf(token: string): number | undefined
  spellingOf(id: number): string | undefined
  /** Appends the tokens of a piece. */
  encode(piece: string, out: number[]): void
}
