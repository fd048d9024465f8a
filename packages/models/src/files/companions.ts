import type { SourceOptions } from '@tersor/formats'
import type { DecoderConfig } from '../decoder/config.ts'
import { isEncoder } from '../encoder/check-encoder.ts'
import { beside, type Place, readIfThere } from './model-files.ts'
import { poolingFiles } from './pooling-beside.ts'

/** The vocabulary of a GGUF, kept as a GGUF of its metadata alone. */
export const VOCABULARY = 'tokenizer.gguf'

/** What Hugging Face and llama2.c put beside weights: how text becomes tokens, and how a model is prompted. */
const COMPANIONS = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'vocab.txt',
  'tokenizer.model',
  'sentencepiece.bpe.model',
  'spiece.model',
  'tekken.json',
  'tokenizer.bin',
  'generation_config.json',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'processor_config.json',
  VOCABULARY,
]

/** Files beside a model that have to travel with it, by name. */
export async function companionsBeside(
  path: Place,
  config: DecoderConfig | undefined,
  options: SourceOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = config === undefined ? COMPANIONS : [...COMPANIONS, `tok${config.vocabSize}.bin`]
  const pooling = config !== undefined && isEncoder(config) ? await poolingFiles(path, options) : []
  const found = new Map<string, Uint8Array>()
  for (const name of [...names, ...pooling]) {
    const bytes = await readIfThere(beside(path, name), options)
    if (bytes !== undefined) found.set(name, bytes)
  }
  return found
}
