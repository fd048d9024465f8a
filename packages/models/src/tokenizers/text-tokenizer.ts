import { FormatError, type TokenizeOptions, type Tokenizer } from '@tersor/core-tensor'
import { type AddedToken, addedTokens, type ParseSpecial } from './added-tokens.ts'
import { type Decoder, fuse } from './decoders/decoder.ts'
import type { VocabularyModel } from './models/vocabulary-model.ts'
import type { Normalizer } from './normalizers/normalizer.ts'
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.ts'

/** What a tokenizer is made of, whatever file it comes from. */
export interface TokenizerParts {
  readonly model: VocabularyModel
  readonly normalize?: Normalizer | undefined
  readonly preTokenize?: PreTokenizer | undefined
  readonly decode?: Decoder | undefined
  /** Tokens that are found in the text before anything else is done to it. */
  readonly added?: readonly AddedToken[] | undefined
  /** Ids that {@link Tokenizer.decode} leaves out besides the special ones of `added`. */
  readonly special?: Iterable<number> | undefined
  /** Ids around a text that is encoded with its special tokens. */
  readonly before?: readonly number[] | undefined
  readonly after?: readonly number[] | undefined
  readonly bos?: number | undefined
  readonly eos?: number | undefined
  readonly ends?: readonly number[] | undefined
  readonly addsBos?: boolean | undefined
  readonly chatTemplate?: string | undefined
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
}

/**
 * The pipeline of every tokenizer here: added tokens are cut out, the rest is normalised, cut into pieces, and each piece is
 * looked up by the model; back again, spellings are joined by the decoder.
 */
export function textTokenizer(parts: TokenizerParts): Tokenizer {
  const { model, normalize = same, preTokenize = whole, decode = fuse } = parts
  const { before = [], after = [], bos, eos, addsBos = false, chatTemplate, specialTokens = {} } = parts
  const added = addedTokens(parts.added ?? [], normalize)
  const special = new Set([...added.special, ...(parts.special ?? [])])
  const vocabSize = Math.max(model.size, added.size)

  /** Text between tokens, which begins at a place of the whole. */
  const encodeSection = (text: string, start: number, parse: ParseSpecial, out: number[]) => {
    const normalized = normalize(text)
    // Places in a text that was rewritten are not those that are asked for: what may be a token then stays text.
    const known = normalized === text || parse === always ? (at: number) => parse(start + at) : never
    for (const part of added.splitNormalized(normalized, known)) {
      if (typeof part.content === 'number') out.push(part.content)
      else for (const piece of preTokenize(part.content, start + part.at === 0)) model.encode(piece, out)
    }
  }

  return Object.freeze({
    kind: model.kind,
    vocabSize,
    bos,
    eos,
    ends: parts.ends ?? (eos === undefined ? [] : [eos]),
    addsBos: addsBos && bos !== undefined,
    specialTokens,
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    idOf: (token: string) => added.idOf(token) ?? model.idOf(token),
    encode(text: string, { addSpecial = false, parseSpecial = true }: TokenizeOptions = {}) {
      const out: number[] = addSpecial ? [...before] : []
      const parse = typeof parseSpecial === 'function' ? parseSpecial : parseSpecial ? always : never
      for (const part of added.split(text.replace(/\p{Surrogate}/gu, '\uFFFD'), parse)) {
        if (typeof part.content === 'number') out.push(part.content)
        else encodeSection(part.content, part.at, parse, out)
      }
      if (addSpecial) for (const id of after) out.push(id)
      return Int32Array.from(out)
    },
    decode(tokens: Int32Array | readonly number[], { skipSpecial = true } = {}) {
      const spellings: string[] = []
      for (const id of tokens) {
        if (!Number.isInteger(id) || id < 0)
          throw new FormatError(`[models/tokenizer] expected tokens from 0 on, got ${id}`)
        if (skipSpecial && special.has(id)) continue
        // Rows that only fill a vocabulary up to a round number have no spelling.
        const spelling = added.spellingOf(id) ?? model.spellingOf(id)
        if (spelling !== undefined) spellings.push(spelling)
      }
      return decode(spellings).join('')
    },
  })
}

const always: ParseSpecial = () => true
const never: ParseSpecial = () => false
const same: Normalizer = text => text
const whole: PreTokenizer = text => [text]
