import { FormatError } from '@tersor/core-tensor'
import type { Vocabulary } from './vocabulary.ts'
import type { VocabularyModel } from './vocabulary-model.ts'
import { remembering } from './word-cache.ts'

export interface WordPieceOptions {
  readonly vocabulary: Vocabulary
  /** Stands for words that cannot be spelt. */
  readonly unknown: number
  /** Before pieces that go on with a word; ## by default. */
  readonly prefix?: string | undefined
  /** Longer words are unknown; 100 by default. */
  readonly maxCharacters?: number | undefined
}

/** The longest piece first, word by word (Wu et al., 2016, arXiv:1609.08144, as in BERT). */
export function wordPiece(options: WordPieceOptions): VocabularyModel {
  const { vocabulary, unknown, prefix = '##', maxCharacters = 100 } = options
  const pieceAt = (word: string, from: number): { to: number; id: number } | undefined => {
    const begin = from === 0 ? '' : prefix
    for (let to = word.length; to > from; to--) {
      const id = vocabulary.idOf(begin + word.slice(from, to))
      if (id !== undefined) return { to, id }
    }
    return undefined
  }
  return {
    kind: 'wordPiece',
    size: vocabulary.size,
    idOf: token => vocabulary.idOf(token),
    spellingOf: id => vocabulary.spellingOf(id),
    encode: remembering((word, out) => {
      // A character is two units at most.
      if (word.length > 2 * maxCharacters || Array.from(word).length > maxCharacters) {
        out.push(unknown)
        return
      }
      const start = out.length
      for (let at = 0; at < word.length; ) {
        const piece = pieceAt(word, at)
        if (piece === undefined) {
          out.length = start
          out.push(unknown)
          return
        }
        out.push(piece.id)
        at = piece.to
      }
    }),
  }
}

/** Whole pieces only. */
export function wordLevel(vocabulary: Vocabulary, unknown: number | undefined): VocabularyModel {
  return {
    kind: 'wordLevel',
    size: vocabulary.size,
    idOf: token => vocabulary.idOf(token),
    spellingOf: id => vocabulary.spellingOf(id),
    encode(word, out) {
      const id = vocabulary.idOf(word) ?? unknown
      if (id === undefined)
        throw new FormatError(
          `[models/tokenizer] expected a vocabulary with '${word.slice(0, 40)}' or a token for unknown words, got neither`,
        )
      out.push(id)
    },
  }
}
