import type { Encoded, Tensor } from '@tersor/core-tensor'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { encodedTrees } from './encoded-tree.ts'
import { type LoadOptions, loadEncoded, loadTensor } from './load-encoded.ts'

/**
 * Loads a weight whichever way it is stored: an `Encoded` if the file has one of that name, else
 * the plain tensor.
 *
 * @throws {FormatError} when the file has neither
 * @throws {UnsupportedError} when a kind of its tree is not among `kinds`
 * @example
 * const file = await openSafetensors(encodeSafetensors([['bias', new Tensor('float32', [1, 2], [2])]]))
 * const bias = await loadWeight(file, 'bias')
 * bias.dims // => [2]
 */
export async function loadWeight(
  file: SafetensorsFile,
  name: string,
  options: LoadOptions = {},
): Promise<Tensor | Encoded> {
  const tree = encodedTrees(file).get(name)
  if (tree === undefined) return file.read(name)
  return 'kind' in tree ? loadEncoded(file, name, options) : loadTensor(file, tree)
}
