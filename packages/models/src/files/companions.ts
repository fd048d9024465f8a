import type { SourceOptions } from '@tersor/formats'
import type { DecoderConfig } from '../decoder/config.ts'
import { beside, type Place, readIfThere } from './model-files.ts'

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
  'tokenizer.model',
  'tokenizer.bin',
  'generation_config.json',
  'chat_template.jinja',
  'chat_template.json',
  VOCABULARY,
]

/** Files beside a model that have to travel with it, by name. */
export async function companionsBeside(
  path: Place,
  config: DecoderConfig | undefined,
  options: SourceOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = config === undefined ? COMPANIONS : [...COMPANIONS, `tok${config.vocabSize}.bin`]
  const found = new Map<string, Uint8Array>()
  for (const name of names) {
    const bytes = await readIfThere(beside(path, name), options)
    if (bytes !== undefined) found.set(name, bytes)
  }
  return found
}
