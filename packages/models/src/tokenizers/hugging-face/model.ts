import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { countAt, flagAt, type JsonObject, listAt, objectAt, own, textAt } from '../json-values.ts'
import { bytePairEncoding, listedMerges } from '../models/byte-pair-encoding.ts'
import { unigram } from '../models/unigram.ts'
import { Vocabulary } from '../models/vocabulary.ts'
import type { VocabularyModel } from '../models/vocabulary-model.ts'
import { wordLevel, wordPiece } from '../models/word-piece.ts'

/**
 * The model that a tokenizer.json describes.
 *
 * @param special  ids that no text may be joined to
 */
export function modelOf(json: JsonObject, special: ReadonlySet<number>): VocabularyModel {
  const type = typeOf(json)
  switch (type) {
    case 'BPE':
      return bytePairs(json, special)
    case 'Unigram':
      return scoredPieces(json, special)
    case 'WordPiece': {
      const vocabulary = vocabularyOf(json)
      return wordPiece({
        vocabulary,
        unknown: requireToken(vocabulary, textAt(json, 'unk_token', '[UNK]')),
        prefix: textAt(json, 'continuing_subword_prefix', '##'),
        maxCharacters: countAt(json, 'max_input_chars_per_word', 100),
      })
    }
    case 'WordLevel': {
      const vocabulary = vocabularyOf(json)
      return wordLevel(vocabulary, vocabulary.idOf(textAt(json, 'unk_token', '<unk>')))
    }
    default:
      throw new UnsupportedError(
        `[models/tokenizer] expected a model of type BPE, Unigram, WordPiece or WordLevel, got '${String(type).slice(0, 60)}'`,
      )
  }
}

/** Old files do not say it. */
function typeOf(json: JsonObject): string {
  const said = own(json, 'type')
  if (said !== undefined) return textAt(json, 'type')
  if (own(json, 'merges') !== undefined) return 'BPE'
  if (Array.isArray(own(json, 'vocab'))) return 'Unigram'
  return own(json, 'continuing_subword_prefix') === undefined ? 'WordLevel' : 'WordPiece'
}

function vocabularyOf(json: JsonObject): Vocabulary {
  const vocabulary = new Vocabulary()
  const ids = objectAt(json, 'vocab')
  for (const token of Object.keys(ids)) vocabulary.add(token, ids[token] as number)
  return vocabulary
}

function bytePairs(json: JsonObject, special: ReadonlySet<number>): VocabularyModel {
  if (typeof own(json, 'dropout') === 'number' && own(json, 'dropout') !== 0)
    throw new UnsupportedError(
      '[models/tokenizer] expected byte-pair encoding without dropout, which makes tokens random; set it to null',
    )
  const vocabulary = vocabularyOf(json)
  const continuingPrefix = textAt(json, 'continuing_subword_prefix', '')
  const unknown = own(json, 'unk_token')
  return bytePairEncoding({
    vocabulary,
    merges: listedMerges(pairsOf(listAt(json, 'merges')), vocabulary, { continuingPrefix, except: special }),
    unknown: unknown === undefined ? undefined : requireToken(vocabulary, textAt(json, 'unk_token')),
    fuseUnknown: flagAt(json, 'fuse_unk', false),
    byteFallback: flagAt(json, 'byte_fallback', false),
    ignoreMerges: flagAt(json, 'ignore_merges', false),
    except: special,
    continuingPrefix,
    endSuffix: textAt(json, 'end_of_word_suffix', ''),
  })
}

/** Merges are pairs, or text with a space between the two in older files. */
function* pairsOf(merges: readonly unknown[]): Generator<readonly [string, string]> {
  for (const merge of merges) {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge
    if (!isPair(pair))
      throw new FormatError(
        `[models/tokenizer] expected merges of two tokens, got ${JSON.stringify(merge)?.slice(0, 60)}`,
      )
    yield pair
  }
}

function isPair(value: unknown): value is readonly [string, string] {
  return (
    Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'string'
  )
}

function scoredPieces(json: JsonObject, special: ReadonlySet<number>): VocabularyModel {
  const entries = listAt(json, 'vocab').map(entry => {
    if (Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number')
      return { piece: entry[0], score: entry[1] }
    throw new FormatError(
      `[models/tokenizer] expected pieces with scores, got ${JSON.stringify(entry)?.slice(0, 60)}`,
    )
  })
  const unknown = own(json, 'unk_id')
  return unigram({
    vocabulary: Vocabulary.of(entries.map(({ piece }) => piece)),
    scores: entries.map(({ score }) => score),
    unknown: unknown === undefined ? undefined : countAt(json, 'unk_id'),
    byteFallback: flagAt(json, 'byte_fallback', false),
    except: special,
  })
}

function requireToken(vocabulary: Vocabulary, token: string): number {
  const id = vocabulary.idOf(token)
  if (id !== undefined) return id
  throw new FormatError(
    `[models/tokenizer] expected the token for what is unknown in the vocabulary, got '${token.slice(0, 60)}'`,
  )
}
