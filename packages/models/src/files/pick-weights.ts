import { FormatError, UnsupportedError } from '@tersor/core-tensor'

/** What a repository calls its weights, the likeliest first; of those that only end so, there must be one. */
const KINDS = ['model.safetensors', 'model.safetensors.index.json', '.safetensors', '.gguf', '.onnx'] as const

/** More names help nobody who has to choose. */
const MAX_NAMES = 24

/** The other parts of a model that was split: shards, which an index knows, and all parts of a GGUF but the first. */
const LATER_PART = /-\d{5}-of-\d{5}\.safetensors$|-(?!00001)\d{5}-of-\d{5}\.gguf$/

/** Files of weights that hold no model of their own. */
const BESIDES = /(^|\/)(mmproj|adapter_model|optimizer|imatrix)[^/]*$/

/**
 * The file of weights that is meant by a whole repository: model.safetensors, its index, or else the only one of a kind.
 *
 * @param paths  of all files, from the root of the repository
 * @param folder  that is meant, with a slash at its end; empty for all of it. What lies deeper counts where nothing lies in it
 * @param name  how the repository is named, for messages: `hf:owner/name`
 * @throws {FormatError} when there are several, or none
 * @throws {UnsupportedError} when its weights are pickled
 * @example
 * pickWeights(['README.md', 'tiny-q4_0.gguf'], '', 'hf:someone/tiny') // => 'tiny-q4_0.gguf'
 */
export function pickWeights(paths: readonly string[], folder: string, name: string): string {
  const inside = paths.filter(path => path.startsWith(folder))
  const direct = inside.filter(path => !path.slice(folder.length).includes('/'))
  for (const some of [direct, inside]) {
    const weights = some.filter(path => !LATER_PART.test(path) && !BESIDES.test(path))
    for (const kind of KINDS) {
      const exact = kind.startsWith('.') ? undefined : weights.find(path => path === folder + kind)
      if (exact !== undefined) return exact
      const found = kind.startsWith('.') ? weights.filter(path => path.endsWith(kind)) : []
      if (found.length === 1) return found[0]!
      if (found.length > 1) throw severalIn(found, name)
    }
  }
  if (inside.some(path => /\.(bin|pt|pth|ckpt)$/.test(path))) {
    throw new UnsupportedError(
      `[models/open-model] expected safetensors, GGUF or ONNX in ${name}, got PyTorch's pickled weights; convert them to safetensors first`,
    )
  }
  throw new FormatError(
    `[models/open-model] expected weights as safetensors, GGUF or ONNX in ${name}, got none among ${inside.length} files`,
  )
}

function severalIn(paths: readonly string[], name: string): FormatError {
  const named = paths.slice(0, MAX_NAMES).join(', ')
  const more = paths.length > MAX_NAMES ? ` and ${paths.length - MAX_NAMES} more` : ''
  return new FormatError(
    `[models/open-model] expected one file of weights in ${name}, got ${named}${more}; name the one that you mean: ${name}/${paths[0]}`,
  )
}
