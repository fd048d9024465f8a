import { FormatError } from '@tersor/core-tensor'
import { byteSpelling } from '../byte-tokens.ts'
import { PairTable } from '../pair-table.ts'
import { mergePairs, type PairMerges } from './merge-pairs.ts'
import type { Vocabulary } from './vocabulary.ts'
import type { VocabularyModel } from './vocabulary-model.ts'
import { remembering } from './word-cache.ts'

export interface BytePairEncodingOptions {
  readonly vocabulary: Vocabulary
  readonly merges: PairMerges
  /** Stands for characters that the vocabulary lacks. */
  readonly unknown?: number | undefined
  /** One token for a run of unknown characters. */
  readonly fuseUnknown?: boolean | undefined
  /** Spell in bytes (`<0x0A>`) what the vocabulary lacks. */
  readonly byteFallback?: boolean | undefined
  /** A piece that the vocabulary has as a whole is taken so, whatever its merges give. */
  readonly ignoreMerges?: boolean | undefined
  /** Ids that no text is taken for as a whole, such as those of special tokens. */
  readonly except?: ReadonlySet<number> | undefined
  /** Stands before each character of a piece but the first. */
  readonly continuingPrefix?: string | undefined
  /** Stands behind the last character of a piece. */
  readonly endSuffix?: string | undefined
}

/** Byte-pair encoding (Sennrich et al., 2016, arXiv:1508.07909): characters are joined pair by pair, in the order of the merges. */
export function bytePairEncoding(options: BytePairEncodingOptions): VocabularyModel {
  const { vocabulary, merges, unknown, ignoreMerges = false, except } = options
  const { continuingPrefix = '', endSuffix = '', byteFallback = false, fuseUnknown = false } = options
  const idOf = (token: string) => vocabulary.idOf(token)
  const inBytes = byteFallback ? byteSpelling(idOf) : undefined

  const spell = (piece: string): number[] => {
    const tokens: number[] = []
    let unknownBefore = false
    for (let at = 0; at < piece.length; ) {
      const character = String.fromCodePoint(piece.codePointAt(at)!)
      const begin = at === 0 ? '' : continuingPrefix
      at += character.length
      const spelling = begin + character + (at === piece.length ? endSuffix : '')
      const id = vocabulary.idOf(spelling)
      const bytes = id === undefined ? inBytes?.(spelling) : undefined
      if (id !== undefined) tokens.push(id)
      else if (bytes !== undefined) tokens.push(...bytes)
      else if (unknown === undefined) throw lacking(character)
      else if (!(fuseUnknown && unknownBefore)) tokens.push(unknown)
      unknownBefore = id === undefined && bytes === undefined
    }
    return tokens
  }

  return {
    kind: 'bytePair',
    size: vocabulary.size,
    idOf,
    spellingOf: id => vocabulary.spellingOf(id),
    encode: remembering((piece, out) => {
      const whole = ignoreMerges ? vocabulary.idOf(piece) : undefined
      if (whole !== undefined && except?.has(whole) !== true) out.push(whole)
      else mergePairs(spell(piece), merges, out)
    }),
  }
}

function lacking(character: string): FormatError {
  return new FormatError(
    `[models/tokenizer] expected a vocabulary with '${character}' or a token for unknown characters, got neither`,
  )
}

export interface MergeOptions {
  /** Stands before the right one of the two, and goes when they are joined. */
  readonly continuingPrefix?: string | undefined
  /** Ids that no text is joined to, such as those of special tokens. */
  readonly except?: ReadonlySet<number> | undefined
}

/**
 * Merges as files list them, the first to be done first.
 *
 * @throws {FormatError} for a merge of tokens that the vocabulary lacks
 */
export function listedMerges(
  pairs: Iterable<readonly [string, string]>,
  vocabulary: Vocabulary,
  { continuingPrefix = '', except }: MergeOptions = {},
): PairMerges {
  const table = new PairTable()
  const results: number[] = []
  for (const [left, right] of pairs) {
    const a = vocabulary.idOf(left)
    const b = vocabulary.idOf(right)
    const result = vocabulary.idOf(
      left + (continuingPrefix === '' ? right : right.slice(continuingPrefix.length)),
    )
    if (a === undefined || b === undefined || result === undefined)
      throw new FormatError(
        `[models/tokenizer] expected merges of tokens in the vocabulary, got '${left.slice(0, 60)}' and '${right.slice(0, 60)}'`,
      )
    if (table.get(a, b) < 0 && except?.has(result) !== true) table.set(a, b, results.length)
    results.push(result)
  }
  return {
    find: (left, right) => table.get(left, right),
    order: merge => merge,
    result: merge => results[merge]!,
  }
}

/** Any two tokens whose spellings together are a token can be joined; higher scores first: SentencePiece's byte-pair encoding. */
export function scoredMerges(
  vocabulary: Vocabulary,
  scores: ArrayLike<number>,
  { except }: Pick<MergeOptions, 'except'> = {},
): PairMerges {
  const known = new PairTable()
  const none = vocabulary.size
  return {
    find(left, right) {
      const cached = known.get(left, right)
      if (cached >= 0) return cached === none ? -1 : cached
      const joined = (vocabulary.spellingOf(left) ?? '') + (vocabulary.spellingOf(right) ?? '')
      const found = vocabulary.idOf(joined) ?? none
      const id = except?.has(found) === true ? none : found
      known.set(left, right, id)
      return id === none ? -1 : id
    },
    order: token => -scores[token]!,
    result: token => token,
  }
}
