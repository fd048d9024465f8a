import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { encodedTrees, tensorsIn } from './encoded-tree.ts'

/**
 * The names that `loadWeight` takes: encoded tensors first, then the plain tensors that are not
 * parts of one.
 *
 * @throws {FormatError} when the trees of the file are malformed
 * @example
 * const weights = { w: dense(new Tensor('int8', [1, 2], [2])), bias: new Tensor('float32', [0], [1]) }
 * const file = await openSafetensors(encodeSafetensors(Object.entries(weights)))
 * weightNames(file) // => ['w', 'bias']
 * ;[...file.tensors.keys()] // => ['bias', 'w.values']
 */
export function weightNames(file: SafetensorsFile): string[] {
  const trees = encodedTrees(file)
  const parts = new Set([...trees.values()].flatMap(tree => [...tensorsIn(tree)]))
  return [...trees.keys(), ...[...file.tensors.keys()].filter(name => !parts.has(name))]
}
