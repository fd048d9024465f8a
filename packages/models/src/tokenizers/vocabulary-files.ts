import { FormatError, type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import type { AddedToken } from './added-tokens.ts'
import { byteLevelText, wordPieceText } from './decoders/decoder.ts'
import { ggufPreTokenizer } from './gguf-pre-tokenizers.ts'
import { addedTokensOf, type CompanionFiles, factsOf } from './hugging-face/companion-files.ts'
import type { Frame } from './hugging-face/post-processor.ts'
import { flagAt, isObject, own } from './json-values.ts'
import { bytePairEncoding, listedMerges } from './models/byte-pair-encoding.ts'
import { Vocabulary } from './models/vocabulary.ts'
import { wordPiece } from './models/word-piece.ts'
import { bertNormalizer } from './normalizers/bert-normalizer.ts'
import { bertWords } from './pre-tokenizers/words.ts'
import { readSentencePieceModel, type SentencePieceModel } from './sentence-piece-model.ts'
import { PIECE_TYPE, sentencePieceParts } from './sentence-piece-tokenizer.ts'
import { type TokenizerParts, textTokenizer } from './text-tokenizer.ts'

/**
 * The tokenizer in a `tokenizer.model` of SentencePiece.
 *
 * @param fairseq  ids are those of fairseq, as in XLM-R: four special tokens, the pieces, and a mask
 * @throws {FormatError} when the file is no such model
 */
export function sentencePieceFileTokenizer(
  bytes: Uint8Array,
  files: CompanionFiles,
  { fairseq = false }: { readonly fairseq?: boolean | undefined } = {},
): Tokenizer {
  const read = readSentencePieceModel(bytes)
  const model = fairseq ? withFairseqIds(read) : read
  const parts = sentencePieceParts(model)
  const { bos, eos } = model
  const frame = {
    before: bos !== undefined && (fairseq || model.kind === 'bpe') ? [bos] : [],
    after: eos !== undefined && model.kind === 'unigram' ? [eos] : [],
  }
  const mask: AddedToken[] = fairseq
    ? [{ id: model.pieces.length - 1, content: '<mask>', special: true, lstrip: true }]
    : []
  return assembled(parts, files, frame, { added: mask, bos, eos })
}

/** `<s>`, `<pad>`, `</s>`, `<unk>`, the pieces behind the first three, and `<mask>`. */
function withFairseqIds(model: SentencePieceModel): SentencePieceModel {
  const special = ['<s>', '<pad>', '</s>', '<unk>']
  const { control, unknown } = PIECE_TYPE
  return {
    ...model,
    pieces: [...special, ...model.pieces.slice(3), '<mask>'],
    scores: [0, 0, 0, 0, ...Array.from(model.scores).slice(3), 0],
    types: [control, control, control, unknown, ...Array.from(model.types ?? []).slice(3), control],
    ...{ bos: 0, padding: 1, eos: 2, unknown: 3 },
  }
}

/**
 * WordPiece with the vocabulary in a `vocab.txt`, a token a line, as BERT has it.
 *
 * @throws {FormatError} when the vocabulary lacks `[UNK]`
 */
export function wordPieceFileTokenizer(text: string, files: CompanionFiles): Tokenizer {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const vocabulary = Vocabulary.of(lines)
  const config = isObject(files.tokenizer) ? files.tokenizer : {}
  const lowercase = flagAt(config, 'do_lower_case', true)
  const named = (token: string) => {
    const id = vocabulary.idOf(token)
    return id === undefined ? [] : [id]
  }
  const unknown = vocabulary.idOf('[UNK]')
  if (unknown === undefined) throw new FormatError('[models/tokenizer] expected [UNK] in vocab.txt, got none')
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].flatMap(content =>
    named(content).map(id => ({ id, content, special: true })),
  )
  const parts: TokenizerParts = {
    model: wordPiece({ vocabulary, unknown }),
    normalize: bertNormalizer({
      lowercase,
      chineseCharacters: flagAt(config, 'tokenize_chinese_chars', true),
      stripAccents:
        own(config, 'strip_accents') === undefined ? lowercase : flagAt(config, 'strip_accents', true),
    }),
    preTokenize: bertWords,
    decode: wordPieceText('##', true),
    added: special,
  }
  return assembled(parts, files, { before: named('[CLS]'), after: named('[SEP]') }, {})
}

/** How the classes cut text whose vocabulary is a `vocab.json`, by the name of their pre-tokenizer in GGUF. */
const CLASSES: Readonly<Record<string, string>> = {
  GPT2Tokenizer: 'gpt-2',
  RobertaTokenizer: 'roberta-bpe',
  LongformerTokenizer: 'roberta-bpe',
  BartTokenizer: 'roberta-bpe',
  CodeGenTokenizer: 'gpt-2',
  Qwen2Tokenizer: 'qwen2',
}

/**
 * Byte-level byte-pair encoding with a `vocab.json` and a `merges.txt`.
 *
 * @throws {UnsupportedError} where `tokenizer_class` is not one whose cuts are known
 */
export function mergesFileTokenizer(vocab: object, merges: string, files: CompanionFiles): Tokenizer {
  const vocabulary = new Vocabulary()
  for (const [token, id] of Object.entries(vocab)) vocabulary.add(token, id)
  const config = isObject(files.tokenizer) ? files.tokenizer : {}
  const name = String(own(config, 'tokenizer_class') ?? 'GPT2Tokenizer').replace(/Fast$/, '')
  const pre = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined
  if (pre === undefined)
    throw new UnsupportedError(
      `[models/tokenizer] expected tokenizer_class to be one of ${Object.keys(CLASSES).join(', ')} beside a vocab.json, got '${name.slice(0, 60)}'; pass the model's tokenizer.json`,
    )
  const { preTokenize, normalize } = ggufPreTokenizer(pre)
  const pairs = merges
    .split(/\r?\n/)
    .filter(line => line !== '' && !line.startsWith('#version'))
    .map(line => {
      const [left, right, more] = line.split(' ')
      if (left !== undefined && right !== undefined && more === undefined) return [left, right] as const
      throw new FormatError(
        `[models/tokenizer] expected two tokens a line in merges.txt, got '${line.slice(0, 40)}'`,
      )
    })
  const added = ['<s>', '<pad>', '</s>', '<unk>', '<|endoftext|>'].flatMap(content => {
    const id = vocabulary.idOf(content)
    return id === undefined ? [] : [{ id, content, special: true }]
  })
  const model = bytePairEncoding({ vocabulary, merges: listedMerges(pairs, vocabulary) })
  const roberta = pre === 'roberta-bpe'
  const frame = {
    before: roberta ? [vocabulary.idOf('<s>') ?? 0] : [],
    after: roberta ? [vocabulary.idOf('</s>') ?? 2] : [],
  }
  return assembled({ model, preTokenize, normalize, decode: byteLevelText, added }, files, frame, {})
}

/** Parts with what the files beside them say: these name special tokens that the vocabulary has as text. */
function assembled(
  parts: TokenizerParts,
  files: CompanionFiles,
  frame: Frame,
  own: {
    readonly added?: readonly AddedToken[]
    readonly bos?: number | undefined
    readonly eos?: number | undefined
  },
): Tokenizer {
  const added = addedTokensOf([...(parts.added ?? []), ...(own.added ?? [])], files)
  const ids = new Map(added.map(({ content, id }) => [content, id]))
  const special = new Map(added.filter(token => token.special).map(({ content, id }) => [content, id]))
  const facts = factsOf(files, frame, {
    idOf: token => ids.get(token) ?? parts.model.idOf(token),
    specialIdOf: token => special.get(token),
    bos: own.bos,
    eos: own.eos,
  })
  return textTokenizer({ ...parts, added, ...facts })
}
