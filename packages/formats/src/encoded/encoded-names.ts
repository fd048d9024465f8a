import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { encodedTrees } from './encoded-tree.ts'

/**
 * The names of a file's encoded tensors, for `loadEncoded`.
 *
 * @throws {FormatError} when the trees of the file are malformed
 * @example
 * const weights = { w: dense(new Tensor('int8', [1, 2], [2])), bias: new Tensor('float32', [0], [1]) }
 * encodedNames(await openSafetensors(encodeSafetensors(Object.entries(weights)))) // => ['w']
 */
export function encodedNames(file: SafetensorsFile): string[] {
  return [...encodedTrees(file)].filter(([, tree]) => 'kind' in tree).map(([name]) => name)
}
