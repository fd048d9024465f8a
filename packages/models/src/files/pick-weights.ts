import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { hasForeignName } from './foreign-format.ts'
import { MERGE_FIRST } from './lora-adapter.ts'

/** What holds weights, the likeliest first: a name, or an ending, of which there must be one. */
const KINDS = [
  /^model\.safetensors\.index\.json$/,
  /^model\.safetensors$/,
  /\.safetensors\.index\.json$/,
  /\.safetensors$/,
  /\.gguf$/,
  /\.onnx$/,
  /\.npz$/,
  /\.bin$/,
] as const

/** More names help nobody who has to choose. */
const MAX_NAMES = 24

/** The other parts of a model that was split: shards, which an index knows, and all parts of a GGUF but the first. */
const SHARD = /-\d{5}-of-\d{5}\.safetensors$/i
const LATER_PART = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i

/** Files that hold no model of their own, vocabularies of llama2.c among them. */
const BESIDES =
  /(^|\/)(mmproj|adapter_model|optimizer|scheduler|training_args|imatrix|tok\d+|tokenizer)[^/]*$/i

/** What a model is fine-tuned with. */
const ADAPTER = /(^|\/)adapter_model\.(safetensors|bin)$/i

/**
 * The file of weights that is meant by a whole folder: the index of model.safetensors, or that, or else the only one of a
 * kind. An index stands before a file of its name, which may be a leftover; {@link chooseWeights} looks whether it is whole.
 * Where nothing is read here, what another program would read is picked, so that opening it says what it is.
 *
 * @param paths  of all files, from the root of a repository or folder
 * @param folder  that is meant, with a slash at its end; empty for all of it. What lies deeper counts where nothing lies in it
 * @param name  how the whole is named, for messages: `hf:owner/name`
 * @throws {FormatError} when there are several, or none
 * @throws {UnsupportedError} when there is only a LoRA adapter
 */
export function pickWeights(paths: readonly string[], folder: string, name: string): string {
  const inside = paths.filter(path => path.startsWith(folder))
  const direct = inside.filter(path => !path.slice(folder.length).includes('/'))
  for (const some of [direct, inside]) {
    const weights = some.filter(path => !SHARD.test(path) && !LATER_PART.test(path) && !BESIDES.test(path))
    for (const kind of KINDS) {
      const found = weights.filter(
        path => kind.test(path.slice(folder.length).toLowerCase()) && !hasForeignName(path),
      )
      if (found.length === 1) return found[0]!
      if (found.length > 1) throw severalIn(found, name)
    }
  }
  const foreign = [...direct, ...inside].find(path => !BESIDES.test(path) && hasForeignName(path))
  if (foreign !== undefined) return foreign
  if (inside.some(path => ADAPTER.test(path))) {
    throw new UnsupportedError(
      `[models/open-model] expected a model in ${name}, got a LoRA adapter alone; ${MERGE_FIRST}`,
    )
  }
  const shards = inside.filter(path => SHARD.test(path))
  if (shards.length > 0) {
    throw new FormatError(
      `[models/open-model] expected model.safetensors.index.json beside the shards in ${name}, got ${shards.length} shards such as ${shards[0]} without one; ` +
        'fetch it too',
    )
  }
  const parts = inside.filter(path => LATER_PART.test(path))
  if (parts.length > 0) {
    throw new FormatError(
      `[models/open-model] expected all parts of the model in ${name}, got ${parts[0]} without the first; fetch it too`,
    )
  }
  throw new FormatError(
    `[models/open-model] expected weights as safetensors, GGUF or ONNX in ${name}, got none among ${inside.length} files`,
  )
}

/**
 * {@link pickWeights}, and model.safetensors instead of an index of shards that are not all there.
 *
 * @param read  the text of one of the files
 */
export async function chooseWeights(
  paths: readonly string[],
  { folder, name }: { folder: string; name: string },
  read: (path: string) => Promise<string | undefined>,
): Promise<string> {
  const picked = pickWeights(paths, folder, name)
  const single = picked.replace(/\.index\.json$/, '')
  if (picked === single || !paths.includes(single)) return picked
  const root = picked.slice(0, picked.lastIndexOf('/') + 1)
  const isThere = (shard: unknown) => paths.includes(root + String(shard).replace(/^(\.\/)+/, ''))
  const shards = shardsIn((await read(picked)) ?? '')
  return shards.length > 0 && shards.every(isThere) ? picked : single
}

/** The names of the shards in an index; none where it is malformed. */
function shardsIn(index: string): readonly unknown[] {
  try {
    return [...new Set(Object.values((JSON.parse(index) as { weight_map: object }).weight_map))]
  } catch {
    return []
  }
}

function severalIn(paths: readonly string[], name: string): FormatError {
  const named = paths.slice(0, MAX_NAMES).join(', ')
  const more = paths.length > MAX_NAMES ? ` and ${paths.length - MAX_NAMES} more` : ''
  return new FormatError(
    `[models/open-model] expected one file of weights in ${name}, got ${named}${more}; name the one that you mean: ${name}/${paths[0]}`,
  )
}
