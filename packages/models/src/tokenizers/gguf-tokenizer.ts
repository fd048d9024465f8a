import { FormatError, type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import type { GgufFile } from '@tersor/formats'
import { type SentencePieceVocabulary, sentencePieceTokenizer } from './sentence-piece-tokenizer.ts'

/** Whether the metadata of a GGUF file hold a tokenizer. */
export function holdsTokenizer({ metadata }: Pick<GgufFile, 'metadata'>): boolean {
  return metadata.has('tokenizer.ggml.tokens')
}

/**
 * The tokenizer in the metadata of a GGUF file.
 *
 * @throws {UnsupportedError} for a kind of tokenizer that is not read
 */
export function ggufTokenizer(file: Pick<GgufFile, 'metadata'>): Tokenizer {
  const vocabulary = vocabularyFromGguf(file)
  if (vocabulary !== undefined) return sentencePieceTokenizer(vocabulary)
  const model = String(file.metadata.get('tokenizer.ggml.model') ?? 'none')
  throw new UnsupportedError(
    `[models/tokenizer] expected a GGUF file with a SentencePiece vocabulary ('llama'), got '${model}'; pass a tokenizer.json`,
  )
}

/** The SentencePiece vocabulary in the metadata of a GGUF file; undefined where it has another tokenizer, or none. */
export function vocabularyFromGguf({
  metadata,
}: Pick<GgufFile, 'metadata'>): SentencePieceVocabulary | undefined {
  const pieces = metadata.get('tokenizer.ggml.tokens')
  const scores = metadata.get('tokenizer.ggml.scores')
  if (metadata.get('tokenizer.ggml.model') !== 'llama' || !isList(pieces) || !isList(scores)) return undefined
  if (pieces.length !== scores.length) {
    throw new FormatError(
      `[models/gguf] expected a score for each of ${pieces.length} tokens, got ${scores.length}`,
    )
  }
  const id = (key: string, fallback: number): number => {
    const value = metadata.get(`tokenizer.ggml.${key}`)
    return typeof value === 'number' ? value : fallback
  }
  return {
    pieces: Array.from(pieces, String),
    scores: Float32Array.from(scores as ArrayLike<number>),
    bos: id('bos_token_id', 1),
    eos: id('eos_token_id', 2),
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value)
}
