import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { ConnectionError, HttpStatusError } from '@tersor/formats'
import { foreignFormat, START_BYTES } from './foreign-format.ts'
import type { ModelFile, OpenModelOptions } from './model-file.ts'
import { isFolder, nameOf, type Place, placeOf, placeText, startOf } from './model-files.ts'
import { openGgufModel } from './open-gguf-model.ts'
import { openLlama2cModel } from './open-llama2c-model.ts'
import { openNpzModel } from './open-npz-model.ts'
import { openOnnxModel } from './open-onnx-model.ts'
import { openSafetensorsModel, openShardedModel } from './open-safetensors-model.ts'
import { weightsInFolder } from './weights-in-folder.ts'

/** What is read, for messages. */
const READ = "safetensors or an index of them, GGUF, ONNX, NumPy's .npz, or a .bin of llama2.c"

/**
 * Opens a model from a path (Node), a URL, or a name on the Hugging Face Hub (`hf:owner/name`): a folder or file of
 * safetensors (sharded or not, with a Hugging Face `config.json` beside it or the configuration that Tersor writes
 * inside), a GGUF file, a llama2.c `.bin`, or an ONNX model or a NumPy archive, whose weights keep their names. Of a folder
 * the one model that is in it is opened, by its index where there is one. The URL of a folder ends with a slash; of files on a
 * server, which has to support range requests, only what is loaded is read. Of a repository the one model that is in it is
 * opened; where there are several, name the file: `hf:owner/name/file.gguf`, or `hf:owner/name@revision/file.gguf`.
 *
 * @param options.fetch  what asks servers, such as one that adds a token to the headers
 * @param options.headers  for the server, such as an authorization; none goes to where it redirects to
 * @param options.hub  where names on the Hub lie, `https://huggingface.co` by default
 * @param options.cache  where whole files are kept, such as `folderCache('models')`; then a server need not know ranges
 * @param options.signal  aborts the opening
 * @throws {FormatError} when nothing is there, or the file is malformed
 * @throws {HttpStatusError} when a server says no, with its status
 * @throws {UnsupportedError} when it holds another architecture, or is of another format; from `load`, when
 *   the weight is of a kind that is not among `kinds`
 */
export async function openModel(from: string | URL, options: OpenModelOptions = {}): Promise<ModelFile> {
  const { fetch, headers, hub, retry, cache, onProgress } = options
  const file = await openPlace(placeOf(from, options), options)
  return { ...file, opening: { fetch, headers, hub, retry, cache, onProgress } }
}

async function openPlace(place: Place, options: OpenModelOptions): Promise<ModelFile> {
  if (!(await isFolder(place))) return openModelFile(place, options)
  return { ...(await openModelFile(await weightsInFolder(place, options), options)), from: place }
}

async function openModelFile(path: Place, options: OpenModelOptions): Promise<ModelFile> {
  const open = openerOf(nameOf(path).toLowerCase()) ?? (await openerByStart(path, options))
  try {
    return await open(path, options)
  } catch (error) {
    // What a file is instead is asked only of one that is not what its name says.
    const malformed =
      error instanceof FormatError && !(error instanceof HttpStatusError || error instanceof ConnectionError)
    throw malformed ? ((await foreign(path, options)) ?? error) : error
  }
}

function openerOf(name: string) {
  if (name.endsWith('.safetensors')) return openSafetensorsModel
  if (name.endsWith('.safetensors.index.json')) return openShardedModel
  if (name.endsWith('.gguf')) return openGgufModel
  if (name.endsWith('.onnx')) return openOnnxModel
  if (name.endsWith('.npz')) return openNpzModel
  return name.endsWith('.bin') ? openLlama2cModel : undefined
}

/**
 * For a file whose name does not say what it is, as those that Ollama keeps.
 *
 * @throws {UnsupportedError} when it is nothing that is read here
 */
async function openerByStart(path: Place, options: OpenModelOptions) {
  const start = await startOf(path, 9, options)
  if (String.fromCharCode(...start.subarray(0, 4)) === 'GGUF') return openGgufModel
  // The length of the header, which ends with zeros, and its brace.
  if (start[8] === 0x7b && start[6] === 0 && start[7] === 0) return openSafetensorsModel
  throw (await foreign(path, options)) ?? unknown(path)
}

/** What is said of a file of another format; undefined where it is not known what it is. */
async function foreign(path: Place, options: OpenModelOptions): Promise<UnsupportedError | undefined> {
  // A file that was refused is not downloaded again for this.
  const start = await startOf(path, START_BYTES, { ...options, cache: undefined }).catch(() => undefined)
  const format = start === undefined ? undefined : foreignFormat(start, nameOf(path))
  if (format === undefined) return undefined
  return new UnsupportedError(
    `[models/open-model] expected ${READ}, got ${format.what} in ${placeText(path)}; ${format.remedy}`,
  )
}

function unknown(path: Place): UnsupportedError {
  return new UnsupportedError(
    `[models/open-model] expected ${READ}, got ${placeText(path)}, which is none of these`,
  )
}
