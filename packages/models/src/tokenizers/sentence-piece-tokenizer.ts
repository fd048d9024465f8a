import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import type { AddedToken } from './added-tokens.ts'
import {
  bytesOfTokens,
  type Decoder,
  decoderSequence,
  fuse,
  replaceInTokens,
  stripFromTokens,
} from './decoders/decoder.ts'
import { bytePairEncoding, scoredMerges } from './models/byte-pair-encoding.ts'
import { unigram } from './models/unigram.ts'
import { Vocabulary } from './models/vocabulary.ts'
import type { VocabularyModel } from './models/vocabulary-model.ts'
import { type Normalizer, normalizerSequence, prepend, replace } from './normalizers/normalizer.ts'
import { precompiled } from './normalizers/precompiled.ts'
import { metaspace } from './pre-tokenizers/metaspace.ts'
import { type PreTokenizer, preTokenizerSequence } from './pre-tokenizers/pre-tokenizer.ts'
import { betweenSpaces } from './pre-tokenizers/words.ts'
import { type TokenizerParts, textTokenizer } from './text-tokenizer.ts'

/** What a piece is, in the numbers of SentencePiece and of GGUF. */
export const PIECE_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

export interface SentencePieceVocabulary {
  /** The text of each token; bytes as `<0x0A>`. A space is written as ▁, or as itself. */
  readonly pieces: readonly string[]
  /** Merges of a higher score come first; for unigram, logarithms of probabilities. */
  readonly scores: ArrayLike<number>
  /** By token, as in {@link PIECE_TYPE}; without them `bos` and `eos` are control tokens, and all others are text. */
  readonly types?: ArrayLike<number> | undefined
  /** How pieces are found; `bpe` by default. */
  readonly kind?: 'bpe' | 'unigram' | undefined
  readonly bos?: number | undefined
  readonly eos?: number | undefined
  readonly unknown?: number | undefined
  /** Put a space before a text; true by default. */
  readonly spacePrefix?: boolean | undefined
  /** White space at the ends goes, and runs of it become one space; false by default. */
  readonly removeExtraSpaces?: boolean | undefined
  /** The table of replacements that is compiled into the model. */
  readonly charsmap?: Uint8Array | undefined
}

/**
 * Byte-pair encoding or unigram pieces as SentencePiece does it (Kudo and Richardson, 2018, arXiv:1808.06226): a space is put before the
 * text, pieces are found as the scores say, and what the vocabulary lacks is spelt in bytes.
 *
 * @throws {FormatError} when there is not a score for each piece
 * @example
 * const pieces = ['<unk>', '<s>', '</s>', '▁', 'a', 'b', 'ab', '▁ab']
 * const tokenizer = sentencePieceTokenizer({ pieces, scores: [0, 0, 0, -9, -9, -9, -1, -2], bos: 1, eos: 2 })
 * tokenizer.encode('abab') // => Int32Array [7, 6]
 * tokenizer.decode([7, 6]) // => 'abab'
 */
export function sentencePieceTokenizer(vocabulary: SentencePieceVocabulary): Tokenizer {
  const { bos, eos } = vocabulary
  const names = { bos_token: bos, eos_token: eos, unk_token: vocabulary.unknown }
  const before = bos === undefined ? [] : [bos]
  return textTokenizer({
    ...sentencePieceParts(vocabulary),
    ...{ bos, eos, before, addsBos: true },
    specialTokens: Object.fromEntries(
      Object.entries(names).flatMap(([key, id]) =>
        id === undefined ? [] : [[key, vocabulary.pieces[id] ?? '']],
      ),
    ),
  })
}

/** The parts that a vocabulary of SentencePiece decides, whatever file it comes from. */
export function sentencePieceParts(given: SentencePieceVocabulary): TokenizerParts {
  const { pieces, scores, spacePrefix = true, removeExtraSpaces = false, charsmap } = given
  if (pieces.length !== scores.length)
    throw new FormatError(
      `[models/tokenizer] expected a score for each of ${pieces.length} tokens, got ${scores.length}`,
    )
  const mark = pieces.some(piece => piece.includes('▁')) ? '▁' : ' '
  const added = addedPieces(given)
  const model = pieceModel(given, mark, new Set(added.filter(({ special }) => special).map(({ id }) => id)))
  const steps: Normalizer[] = charsmap === undefined || charsmap.length === 0 ? [] : [precompiled(charsmap)]
  const decode = decoderSequence([
    replaceInTokens(mark, ' '),
    bytesOfTokens,
    fuse,
    ...prefixRemoved(spacePrefix),
  ])
  if (given.kind === 'unigram') {
    const marks = metaspace({ mark, prefix: spacePrefix ? 'always' : 'never', cut: removeExtraSpaces })
    const preTokenize: PreTokenizer = removeExtraSpaces ? preTokenizerSequence([betweenSpaces, marks]) : marks
    return { model, added, normalize: normalizerSequence(steps), preTokenize, decode }
  }
  if (removeExtraSpaces) steps.push(text => text.replace(/ {2,}/g, ' ').replace(/^ | $/g, ''))
  if (spacePrefix) steps.push(prepend(mark))
  steps.push(replace(' ', mark))
  return { model, added, normalize: normalizerSequence(steps), decode }
}

function prefixRemoved(spacePrefix: boolean): Decoder[] {
  return spacePrefix ? [stripFromTokens(' ', 1, 0)] : []
}

function pieceModel(
  given: SentencePieceVocabulary,
  mark: string,
  except: ReadonlySet<number>,
): VocabularyModel {
  const { scores, unknown } = given
  const vocabulary = Vocabulary.of(given.pieces.map(piece => piece.replaceAll(' ', mark)))
  const options = { vocabulary, unknown, byteFallback: true }
  return given.kind === 'unigram'
    ? unigram({ ...options, scores, except })
    : bytePairEncoding({
        ...options,
        fuseUnknown: true,
        merges: scoredMerges(vocabulary, scores, { except }),
      })
}

/** Control tokens, and those that whoever trained the vocabulary defined. */
function addedPieces({ pieces, types, bos, eos, unknown }: SentencePieceVocabulary): AddedToken[] {
  const named = new Set([bos, eos])
  return pieces.flatMap((content, id): AddedToken[] => {
    const type = types?.[id] ?? (named.has(id) ? PIECE_TYPE.control : PIECE_TYPE.normal)
    const special = type === PIECE_TYPE.control || type === PIECE_TYPE.unknown || id === unknown
    // Runs of spaces are pieces like others in the reference implementation, which joins them by score.
    const defined = type === PIECE_TYPE.userDefined && !/^[ ▁]+$/.test(content)
    return (special || defined) && content !== '' ? [{ id, content, special }] : []
  })
}
