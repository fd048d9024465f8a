import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { openGguf, type SourceOptions } from '@tersor/formats'
import { beside, nameOf, type Place, placeOf, readIfThere, readTextIfThere } from '../model-files.ts'
import { ggufTokenizer } from './gguf-tokenizer.ts'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'

/**
 * Opens a tokenizer from a path (Node) or a URL: a Hugging Face `tokenizer.json`, with the
 * `tokenizer_config.json` beside it if there is one, a llama2.c `.bin`, or a GGUF model that holds one.
 *
 * @param options.fetch  what asks servers
 * @param options.signal  aborts the opening
 * @throws {FormatError} when the file is neither
 * @throws {UnsupportedError} when a GGUF file holds no SentencePiece vocabulary
 */
export async function openTokenizer(path: string | URL, options: SourceOptions = {}): Promise<Tokenizer> {
  const place = placeOf(path)
  if (nameOf(place).endsWith('.gguf')) return tokenizerInGguf(place, options)
  const bytes = await readIfThere(place, options)
  if (bytes === undefined) throw new FormatError(`[models/tokenizer] expected a file, got none at ${path}`)
  if (!nameOf(place).endsWith('.json')) return llama2cTokenizer(bytes)
  const config = (await readTextIfThere(beside(place, 'tokenizer_config.json'), options)) ?? '{}'
  return huggingFaceTokenizer(
    parse(new TextDecoder().decode(bytes), path),
    parse(config, 'tokenizer_config.json'),
  )
}

async function tokenizerInGguf(place: Place, options: SourceOptions): Promise<Tokenizer> {
  const file = await openGguf(place, options)
  try {
    return ggufTokenizer(file)
  } finally {
    await file.close()
  }
}

function parse(text: string, path: string | URL): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below, with the path.
  }
  throw new FormatError(`[models/tokenizer] expected a JSON object in ${path}`)
}
