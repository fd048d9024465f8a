import { ShapeError } from '@tersor/core-tensor'
import { byteLetters, toByteLetters } from './byte-letters.ts'
import { preTokenPattern, preTokens } from './pre-tokens.ts'

export interface TokenizerOptions {
  /** Entries of the vocabulary, special tokens and 256 bytes included; 1,024 by default. */
  size?: number | undefined
}

/** The contents of `tokenizer.json` and of `tokenizer_config.json`. */
export interface TokenizerFiles {
  readonly tokenizer: TokenizerJson
  readonly config: TokenizerConfig
}

export interface TokenizerJson {
  readonly version: '1.0'
  readonly added_tokens: readonly never[]
  readonly normalizer: null
  readonly pre_tokenizer: object
  readonly post_processor: object
  readonly decoder: object
  readonly model: {
    readonly type: 'BPE'
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (readonly [string, string])[]
  }
}

export interface TokenizerConfig {
  readonly bos_token: string
  readonly eos_token: string
  readonly additional_special_tokens: readonly string[]
  readonly clean_up_tokenization_spaces: false
  readonly model_max_length: number
  readonly tokenizer_class: 'PreTrainedTokenizerFast'
}

export const bosToken = '<|begin_of_text|>'
export const eosToken = '<|end_of_text|>'

/** A word of the training text as it stands, merged so far. */
interface Word {
  pieces: string[]
  readonly count: number
}

/**
 * Byte-level byte-pair encoding (Sennrich et al., 2016, arXiv:1508.07909; over bytes as in GPT-2): begins with
 * the 256 bytes, and makes the most frequent pair of neighbours a new entry until the vocabulary is full.
 * Equally frequent pairs come in the order of their letters, so that a text always gives the same vocabulary.
 *
 * The special tokens are in the vocabulary, but not in `added_tokens`: so a text that spells `<|end_of_text|>`
 * is encoded as those characters, and decodes to itself. `tokenizer_config.json` says that they are special.
 *
 * @throws {ShapeError} when the text has too few different pairs
 */
export function trainTokenizer(
  texts: Iterable<string>,
  { size = 1024 }: TokenizerOptions = {},
): TokenizerFiles {
  const words = countWords(texts)
  const vocabulary = [bosToken, eosToken, ...byteLetters]
  const merges: [string, string][] = []
  const pairs = new PairCounts(words)
  while (vocabulary.length < size) {
    const pair = pairs.best()
    if (pair === undefined) {
      throw new ShapeError(
        `[corpus/tokenizer] expected a text with enough pairs for ${size} entries, got ${vocabulary.length}; use more text`,
      )
    }
    vocabulary.push(pair.join(''))
    merges.push(pair)
    pairs.merge(pair)
  }
  return {
    tokenizer: {
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: preTokenPattern }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      // A text begins with the beginning token.
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: bosToken, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [
          { SpecialToken: { id: bosToken, type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
          { Sequence: { id: 'B', type_id: 1 } },
        ],
        special_tokens: { [bosToken]: { id: bosToken, ids: [0], tokens: [bosToken] } },
      },
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      model: { type: 'BPE', vocab: Object.fromEntries(vocabulary.map((entry, id) => [entry, id])), merges },
    },
    config: {
      bos_token: bosToken,
      eos_token: eosToken,
      additional_special_tokens: [bosToken, eosToken],
      // Else decoding would drop the space before a full stop.
      clean_up_tokenization_spaces: false,
      model_max_length: 1024,
      tokenizer_class: 'PreTrainedTokenizerFast',
    },
  }
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of preTokens(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return Array.from(counts, ([word, count]) => ({ pieces: Array.from(toByteLetters(word)), count }))
}

/** How often each pair of neighbours occurs, and in which words. */
class PairCounts {
  readonly #counts = new Map<string, number>()
  readonly #words = new Map<string, Set<Word>>()

  constructor(words: readonly Word[]) {
    for (const word of words) this.#add(word, 1)
  }

  best(): [string, string] | undefined {
    let best: string | undefined
    let most = 0
    for (const [pair, count] of this.#counts) {
      if (count > most || (count === most && best !== undefined && pair < best)) [best, most] = [pair, count]
    }
    if (best === undefined || most < 2) return undefined
    return best.split(' ') as [string, string]
  }

  /** Makes one piece of a pair wherever it occurs. */
  merge([left, right]: readonly [string, string]): void {
    for (const word of [...(this.#words.get(`${left} ${right}`) ?? [])]) {
      this.#add(word, -1)
      const merged: string[] = []
      for (let i = 0; i < word.pieces.length; i++) {
        const isPair = word.pieces[i] === left && word.pieces[i + 1] === right
        merged.push(isPair ? left + right : word.pieces[i]!)
        if (isPair) i++
      }
      word.pieces = merged
      this.#add(word, 1)
    }
  }

  /** Counts the pairs of a word in or, with −1, out. */
  #add(word: Word, sign: 1 | -1): void {
    for (let i = 1; i < word.pieces.length; i++) {
      // No byte's letter is a space.
      const pair = `${word.pieces[i - 1]} ${word.pieces[i]}`
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + sign * word.count)
      if (sign === 1) {
        const words = this.#words.get(pair) ?? new Set()
        this.#words.set(pair, words.add(word))
      } else this.#words.get(pair)?.delete(word)
    }
  }
}
