import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { llama2cTokenizer } from './llama2c-tokenizer.ts'

/**
 * Opens a tokenizer from a path (Node): a Hugging Face `tokenizer.json`, with the
 * `tokenizer_config.json` beside it if there is one, or a llama2.c `.bin`.
 *
 * @throws {FormatError} when the file is neither
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const { readFile } = await import('node:fs/promises')
  const { dirname, join } = await import('node:path')
  if (!path.endsWith('.json')) return llama2cTokenizer(await readFile(path))
  const config = await readFile(join(dirname(path), 'tokenizer_config.json'), 'utf8').catch(() => '{}')
  return huggingFaceTokenizer(
    parse(await readFile(path, 'utf8'), path),
    parse(config, 'tokenizer_config.json'),
  )
}

function parse(text: string, path: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below, with the path.
  }
  throw new FormatError(`[models/tokenizer] expected a JSON object in ${path}`)
}
