import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { openGguf, type SourceOptions } from '@tersor/formats'
import {
  beside,
  inFolder,
  isFolder,
  isThere,
  nameOf,
  type Place,
  placeOf,
  placeText,
  readIfThere,
  readTextIfThere,
} from '../files/model-files.ts'
import { ggufTokenizer } from './gguf-tokenizer.ts'
import type { CompanionFiles } from './hugging-face/companion-files.ts'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'
import {
  mergesFileTokenizer,
  sentencePieceFileTokenizer,
  wordPieceFileTokenizer,
} from './vocabulary-files.ts'

/** The vocabulary of a GGUF, kept as a GGUF of its metadata alone. */
const VOCABULARY = 'tokenizer.gguf'

/** Files that hold a tokenizer, the one that says most first. */
const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer.model',
  'sentencepiece.bpe.model',
  'spiece.model',
  'vocab.json',
  'vocab.txt',
  'tokenizer.bin',
]

/**
 * Opens a tokenizer from a path (Node) or a URL: a Hugging Face `tokenizer.json`, a `tokenizer.model` of SentencePiece, a
 * `vocab.json` with its `merges.txt`, a `vocab.txt`, a llama2.c `.bin`, a GGUF model that holds one, or a folder with any of these.
 * What the files of Hugging Face beside it say about special tokens and conversations is taken up.
 *
 * @param options.fetch  what asks servers
 * @param options.signal  aborts the opening
 * @throws {FormatError} when the file is none of these, or a folder has none
 * @throws {UnsupportedError} for a kind or a step of tokenizers that is not known, by name
 */
export async function openTokenizer(path: string | URL, options: SourceOptions = {}): Promise<Tokenizer> {
  const place = placeOf(path, options)
  if (await isFolder(place)) {
    const found = await tokenizerIn(name => inFolder(place, name), TOKENIZER_FILES, options)
    if (found !== undefined) return found
    throw new FormatError(
      `[models/tokenizer] expected one of ${TOKENIZER_FILES.join(', ')} in the folder ${placeText(place)}, got none`,
    )
  }
  return tokenizerAt(place, options)
}

/** The tokenizer in the folder of a model's file, or undefined; llama2.c's tokN.bin for a vocabulary of N among others. */
export async function tokenizerBeside(
  path: Place,
  vocabSize: number | undefined,
  options: SourceOptions,
): Promise<Tokenizer | undefined> {
  const names = [...TOKENIZER_FILES, ...(vocabSize === undefined ? [] : [`tok${vocabSize}.bin`]), VOCABULARY]
  return tokenizerIn(name => beside(path, name), names, options)
}

async function tokenizerIn(
  at: (name: string) => Place,
  names: readonly string[],
  options: SourceOptions,
): Promise<Tokenizer | undefined> {
  for (const name of names) if (await isThere(at(name), options)) return tokenizerAt(at(name), options)
  return undefined
}

async function tokenizerAt(place: Place, options: SourceOptions): Promise<Tokenizer> {
  const name = nameOf(place)
  if (name.endsWith('.gguf')) return tokenizerInGguf(place, options)
  const bytes = await readIfThere(place, options)
  if (bytes === undefined)
    throw new FormatError(`[models/tokenizer] expected a file, got none at ${placeText(place)}`)
  if (name.endsWith('.model')) {
    const fairseq = name.endsWith('sentencepiece.bpe.model')
    return sentencePieceFileTokenizer(bytes, await companionsOf(place, options), { fairseq })
  }
  if (name.endsWith('.txt')) return wordPieceFileTokenizer(textOf(bytes), await companionsOf(place, options))
  if (!name.endsWith('.json')) return llama2cTokenizer(bytes)
  const json = parse(textOf(bytes), name)
  if (!name.endsWith('vocab.json')) return huggingFaceTokenizer(json, await companionsOf(place, options))
  const merges = await readTextIfThere(beside(place, 'merges.txt'), options)
  if (merges === undefined)
    throw new FormatError(`[models/tokenizer] expected a merges.txt beside ${placeText(place)}, got none`)
  return mergesFileTokenizer(json, merges, await companionsOf(place, options))
}

async function companionsOf(place: Place, options: SourceOptions): Promise<CompanionFiles> {
  const object = async (name: string) => {
    const text = await readTextIfThere(beside(place, name), options)
    return text === undefined ? undefined : parse(text, name)
  }
  const [tokenizer, specialTokens, addedTokens, generation, model, older, chatTemplate] = await Promise.all([
    object('tokenizer_config.json'),
    object('special_tokens_map.json'),
    object('added_tokens.json'),
    object('generation_config.json'),
    object('config.json'),
    object('chat_template.json'),
    readTextIfThere(beside(place, 'chat_template.jinja'), options),
  ])
  const template = (older as { chat_template?: unknown } | undefined)?.chat_template
  return {
    ...{ tokenizer, specialTokens, addedTokens, generation, model },
    chatTemplate: chatTemplate ?? (typeof template === 'string' ? template : undefined),
  }
}

async function tokenizerInGguf(place: Place, options: SourceOptions): Promise<Tokenizer> {
  const file = await openGguf(place, options)
  try {
    return ggufTokenizer(file.metadata, file.notUtf8)
  } finally {
    await file.close()
  }
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

function parse(text: string, path: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below, with the path.
  }
  throw new FormatError(`[models/tokenizer] expected a JSON object in ${path}`)
}
