import { FormatError, type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import type { AddedToken } from './added-tokens.ts'
import {
  byteLevelText,
  bytesOfTokens,
  decoderSequence,
  fuse,
  replaceInTokens,
  wordPieceText,
} from './decoders/decoder.ts'
import { ggufPreTokenizer } from './gguf-pre-tokenizers.ts'
import { bytePairEncoding, listedMerges } from './models/byte-pair-encoding.ts'
import { Vocabulary } from './models/vocabulary.ts'
import { wordPiece } from './models/word-piece.ts'
import { bertNormalizer } from './normalizers/bert-normalizer.ts'
import { replace } from './normalizers/normalizer.ts'
import { bertWords } from './pre-tokenizers/words.ts'
import { PIECE_TYPE, sentencePieceParts } from './sentence-piece-tokenizer.ts'
import { type TokenizerParts, textTokenizer } from './text-tokenizer.ts'
import { turnEnds } from './turn-ends.ts'

/** The metadata of a GGUF file. */
export type GgufMetadata = ReadonlyMap<string, unknown>

/** Whether the metadata of a GGUF file hold a tokenizer. */
export function holdsTokenizer(metadata: GgufMetadata): boolean {
  return metadata.has('tokenizer.ggml.tokens')
}

/**
 * The tokenizer in the metadata of a GGUF file: byte-level byte-pair encoding, SentencePiece, unigram or WordPiece.
 *
 * Where the file cannot say something, such as a Unicode form, what the reference implementation of the family does is done.
 *
 * @param notUtf8  the keys whose text the file has in other bytes
 * @throws {UnsupportedError} for another kind, or a pre-tokenizer that is not known, by name
 * @throws {FormatError} when lists are missing or do not fit each other, or the vocabulary is no UTF-8
 */
export function ggufTokenizer(metadata: GgufMetadata, notUtf8: ReadonlySet<string>): Tokenizer {
  for (const key of ['tokenizer.ggml.tokens', 'tokenizer.ggml.merges']) {
    if (notUtf8.has(key))
      throw new FormatError(
        `[models/tokenizer] expected UTF-8 text in ${key}, got bytes that are not; pass the model's tokenizer.json`,
      )
  }
  const file = new TokenizerMetadata(metadata)
  const { model } = file
  const read = Object.hasOwn(KINDS, model) ? KINDS[model] : undefined
  if (read === undefined)
    throw new UnsupportedError(
      `[models/tokenizer] expected tokenizer.ggml.model to be one of ${Object.keys(KINDS).join(', ')}, got '${String(model).slice(0, 60)}'; pass the model's tokenizer.json`,
    )
  return textTokenizer(read(file))
}

/** What the parts of a kind of tokenizer need of the file. */
const KINDS: Readonly<Record<string, (file: TokenizerMetadata) => TokenizerParts>> = {
  gpt2: byteLevelParts,
  llama: file => ({
    ...sentencePieceParts({
      ...file.pieces(),
      kind: 'bpe',
      spacePrefix: file.flag('add_space_prefix', true),
    }),
    ...file.frame({ addsBos: true, addsEos: false }),
  }),
  t5: unigramParts,
  bert: wordPieceParts,
  gemma4: gemma4Parts,
}

function byteLevelParts(file: TokenizerMetadata): TokenizerParts {
  const { preTokenize, normalize, ignoreMerges, addsBos, begin } = ggufPreTokenizer(
    file.text('pre', 'default'),
  )
  const vocabulary = Vocabulary.of(file.tokens)
  const { added, special } = file.added()
  const frame = file.frame({ addsBos: addsBos ?? false, addsEos: false })
  return {
    model: bytePairEncoding({
      vocabulary,
      merges: listedMerges(file.merges(), vocabulary, { except: special }),
      ignoreMerges,
      except: special,
    }),
    ...{ added, normalize, preTokenize, decode: byteLevelText },
    ...frame,
    // Several tokens at the beginning are not one that could be called so.
    ...(begin === undefined
      ? {}
      : { before: begin.map(token => file.requireToken(token)), bos: undefined, addsBos: false }),
  }
}

/** Byte-pair encoding of text in which ▁ stands for spaces, which is not cut before. */
function gemma4Parts(file: TokenizerMetadata): TokenizerParts {
  const vocabulary = Vocabulary.of(file.tokens)
  const { added, special } = file.added()
  return {
    model: bytePairEncoding({
      vocabulary,
      merges: listedMerges(file.merges(), vocabulary, { except: special }),
      unknown: file.id('unknown'),
      fuseUnknown: true,
      byteFallback: true,
    }),
    added,
    normalize: replace(' ', '▁'),
    decode: decoderSequence([replaceInTokens('▁', ' '), bytesOfTokens, fuse]),
    // The first files of this family say that it has none, which is wrong.
    ...file.frame({ addsBos: true, addsEos: false }),
  }
}

function unigramParts(file: TokenizerMetadata): TokenizerParts {
  const charsmap = file.bytes('precompiled_charsmap')
  const mask = file.id('mask')
  const { types, ...pieces } = file.pieces()
  const parts = sentencePieceParts({
    ...pieces,
    // No text is cut into it, whatever it is called.
    types:
      types === undefined
        ? undefined
        : Array.from(types, (type, id) => (id === mask ? PIECE_TYPE.control : type)),
    kind: 'unigram',
    spacePrefix: file.flag('add_space_prefix', true),
    removeExtraSpaces: file.flag('remove_extra_whitespaces', true),
    ...(charsmap === undefined ? {} : { charsmap }),
  })
  const masks: AddedToken[] =
    mask === undefined
      ? []
      : [{ id: mask, content: maskSpelling(file.spelling(mask)), special: true, lstrip: true }]
  return {
    ...parts,
    added: [...(parts.added ?? []).filter(({ id }) => id !== mask), ...masks],
    ...file.frame({ addsBos: false, addsEos: true }),
  }
}

/** Converters write a placeholder for the mask of XLM-R, which is behind the pieces. */
function maskSpelling(spelling: string): string {
  return /^\[PAD\d+\]$/.test(spelling) ? '<mask>' : spelling
}

function wordPieceParts(file: TokenizerMetadata): TokenizerParts {
  const { added, special } = file.added()
  // Words begin with ▁ here, and pieces that go on with a word have no mark.
  const tokens = file.tokens.map((token, id) => {
    if (special.has(id)) return token
    return token.startsWith('▁') ? token.slice(1) : `##${token}`
  })
  const begin = file.id('cls') ?? file.id('bos') ?? 101
  const end = file.id('seperator') ?? file.id('eos') ?? 102
  return {
    model: wordPiece({ vocabulary: Vocabulary.of(tokens), unknown: file.id('unknown') ?? 100 }),
    added,
    normalize: bertNormalizer({ lowercase: file.flag('normalizer.lowercase', true) }),
    preTokenize: bertWords,
    decode: wordPieceText('##', true),
    ...file.frame({ addsBos: true, addsEos: false }),
    ...{ before: [begin], after: [end] },
  }
}

/** The keys `tokenizer.…` of a GGUF file, checked. */
class TokenizerMetadata {
  readonly #metadata: GgufMetadata
  readonly tokens: readonly string[]
  readonly model: string

  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata
    this.model = this.text('model', 'none')
    this.tokens = this.#texts('tokens')
  }

  text(key: string, missing: string): string {
    const value = this.#value(key) ?? missing
    if (typeof value === 'string') return value
    throw this.#mistaken(key, 'text')
  }

  flag(key: string, missing: boolean): boolean {
    const value = this.#value(key) ?? missing
    if (typeof value === 'boolean') return value
    throw this.#mistaken(key, 'true or false')
  }

  /** The token of a role, where the file names one that it has. */
  id(role: string): number | undefined {
    const id = this.#value(`${role}_token_id`)
    if (id === undefined) return undefined
    if (typeof id !== 'number') throw this.#mistaken(`${role}_token_id`, 'a number')
    return this.tokens[id] === undefined ? undefined : id
  }

  spelling(id: number): string {
    return this.tokens[id]!
  }

  requireToken(token: string): number {
    const id = this.tokens.indexOf(token)
    if (id >= 0) return id
    throw new FormatError(`[models/tokenizer] expected the token '${token}' in the GGUF file, got none`)
  }

  bytes(key: string): Uint8Array | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    if (!isList(value)) throw this.#mistaken(key, 'a list of bytes')
    return Uint8Array.from(value as ArrayLike<number>)
  }

  *merges(): Generator<readonly [string, string]> {
    for (const merge of this.#texts('merges')) {
      // A token may be a space or begin with one.
      const at = merge.indexOf(' ', 1)
      yield [merge.slice(0, Math.max(at, 0)), merge.slice(at + 1)]
    }
  }

  pieces() {
    return {
      pieces: this.tokens,
      scores: Float32Array.from(this.#numbers('scores') ?? new Float32Array(this.tokens.length)),
      types: this.#types(),
      unknown: this.id('unknown') ?? (this.model === 'llama' ? 0 : undefined),
    }
  }

  /** Control tokens, and those that are text but stand for themselves. */
  added(): { readonly added: readonly AddedToken[]; readonly special: ReadonlySet<number> } {
    const types = this.#types()
    const added: AddedToken[] = []
    const special = new Set<number>()
    for (const [id, content] of this.tokens.entries()) {
      const type = types?.[id] ?? PIECE_TYPE.normal
      const control = type === PIECE_TYPE.control || type === PIECE_TYPE.unknown
      if (control) special.add(id)
      if (content !== '' && (control || type === PIECE_TYPE.userDefined))
        added.push({ id, content, special: control })
    }
    return { added, special }
  }

  /** What stands around a text, where it ends, and the template of conversations. */
  frame(missing: { readonly addsBos: boolean; readonly addsEos: boolean }) {
    const [bos, eos] = [this.id('bos'), this.id('eos')]
    const addsBos = this.flag('add_bos_token', missing.addsBos)
    const addsEos = this.flag('add_eos_token', missing.addsEos)
    const { added } = this.added()
    const special = new Map(added.filter(token => token.special).map(({ content, id }) => [content, id]))
    const told = [eos, this.id('eot'), this.id('eom')].filter(id => id !== undefined)
    const template = this.#metadata.get('tokenizer.chat_template')
    return {
      ...{ bos, eos, addsBos },
      before: addsBos && bos !== undefined ? [bos] : [],
      after: addsEos && eos !== undefined ? [eos] : [],
      ends: [...new Set([...told, ...turnEnds(token => special.get(token))])],
      specialTokens: this.#specialTokens(),
      ...(typeof template === 'string' ? { chatTemplate: template } : {}),
    }
  }

  #specialTokens(): Record<string, string> {
    const roles = {
      bos: 'bos',
      eos: 'eos',
      unk: 'unknown',
      pad: 'padding',
      sep: 'seperator',
      cls: 'cls',
      mask: 'mask',
    }
    return Object.fromEntries(
      Object.entries(roles).flatMap(([name, role]) => {
        const id = this.id(role)
        return id === undefined ? [] : [[`${name}_token`, this.spelling(id)]]
      }),
    )
  }

  #types(): ArrayLike<number> | undefined {
    const types = this.#numbers('token_type')
    if (types !== undefined && types.length < this.tokens.length)
      throw this.#mistaken('token_type', 'a type for each token')
    return types
  }

  #texts(key: string): readonly string[] {
    const value = this.#value(key)
    if (Array.isArray(value) && value.every(each => typeof each === 'string')) return value
    throw this.#mistaken(key, 'a list of texts')
  }

  #numbers(key: string): ArrayLike<number> | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    if (isList(value) && typeof (value[0] ?? 0) === 'number') return value as ArrayLike<number>
    throw this.#mistaken(key, 'a list of numbers')
  }

  #value(key: string): unknown {
    // WordPiece's lower case has a key without `ggml`.
    return this.#metadata.get(`tokenizer.ggml.${key}`) ?? this.#metadata.get(`tokenizer.${key}`)
  }

  #mistaken(key: string, expected: string): FormatError {
    return new FormatError(`[models/tokenizer] expected ${expected} in tokenizer.ggml.${key}`)
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value)
}
