import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'
import { beside, nameOf, placeOf, readIfThere, readTextIfThere } from './model-files.ts'

/**
 * Opens a tokenizer from a path (Node) or a URL: a Hugging Face `tokenizer.json`, with the
 * `tokenizer_config.json` beside it if there is one, or a llama2.c `.bin`.
 *
 * @throws {FormatError} when the file is neither
 */
export async function openTokenizer(path: string | URL): Promise<Tokenizer> {
  const place = placeOf(path)
  const bytes = await readIfThere(place)
  if (bytes === undefined) throw new FormatError(`[models/tokenizer] expected a file, got none at ${path}`)
  if (!nameOf(place).endsWith('.json')) return llama2cTokenizer(bytes)
  const config = (await readTextIfThere(beside(place, 'tokenizer_config.json'))) ?? '{}'
  return huggingFaceTokenizer(
    parse(new TextDecoder().decode(bytes), path),
    parse(config, 'tokenizer_config.json'),
  )
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
