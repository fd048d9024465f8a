import { FileError } from '@tersor/core-tensor'
import { type SourceOptions, urlBeside } from '@tersor/formats'
import { chooseWeights, type ModelFile, openModel } from '@tersor/models'
import { keptFiles } from './kept-files.ts'
import type { Given } from './messages.ts'
import { serveFiles } from './serve-files.ts'

/** Where files of a user lie, for what asks for them by URL; no request leaves the page. */
const FOLDER = new URL('https://dropped.invalid/')

/** Opens what a user gave: a model on a server, which is kept where that is wanted, or files. */
export async function openGiven(given: Given, options: SourceOptions): Promise<ModelFile> {
  if ('files' in given) return openFiles(given.files, options)
  const cache = given.keep ? await keptFiles() : undefined
  return openModel(new URL(given.url), { ...options, cache })
}

/**
 * Opens the one model among files: safetensors with its config.json and tokenizer, shards with their index, a GGUF, …
 *
 * @throws {FileError} when two have the same name
 * @throws {FormatError} when there are several models among them, or none
 */
export async function openFiles(files: readonly File[], options: SourceOptions = {}): Promise<ModelFile> {
  const byName = new Map(files.map(file => [file.name, file]))
  if (byName.size < files.length) {
    throw new FileError(
      `[page/files] expected files of different names, got ${files.length} of ${byName.size} names; drop one model at a time`,
    )
  }
  const place = { folder: '', name: 'what was dropped' }
  const name = await chooseWeights([...byName.keys()], place, async path => byName.get(path)?.text())
  return openModel(urlBeside(FOLDER, name), { ...options, fetch: serveFiles(byName) })
}
