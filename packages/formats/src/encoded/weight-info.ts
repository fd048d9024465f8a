import { canonicalJson } from '@tersor/core-tensor'
import { findTensor } from '../find-tensor.ts'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import type { TensorInfo } from '../weight-file.ts'
import { encodedTrees, type TreeNode, tensorsIn } from './encoded-tree.ts'

/** What is known of a weight before it is read. */
export interface WeightInfo extends TensorInfo {
  /** How it is compressed: the kind of its encoding, or a type of ggml's such as `q4_1`; nothing for plain numbers. */
  readonly compressed?: string | undefined
  /** Bytes of the metadata that decoding needs, which `byteLength` of the loaded weight counts too; of encodings only. */
  readonly metadataLength?: number | undefined
  /** The type as the file spells it, such as `U64`, where Tersor has none of that name and the weight cannot be read. */
  readonly spelled?: string | undefined
}

/**
 * What is known of a weight before {@link loadWeight} reads it, whichever way it is stored.
 *
 * @throws {FormatError} when the file has no weight of that name
 * @example
 * const weight = dense(new Tensor('int8', [1, 2, 3, 4], [2, 2]))
 * const file = await openSafetensors(encodeSafetensors([['w', weight]]))
 * weightInfo(file, 'w') // => { type: 'float32', dims: [2, 2], byteLength: 4, compressed: 'dense', metadataLength: 2 }
 */
export function weightInfo(file: SafetensorsFile, name: string): WeightInfo {
  const tree = encodedTrees(file).get(name)
  if (tree === undefined) {
    const { type, dims, byteLength, dtype } = findTensor(file.tensors, name, 'formats/encoded')
    return { type, dims, byteLength, ...(type === undefined && { spelled: dtype }) }
  }
  const { type, dims } = tree
  const byteLength = [...tensorsIn(tree)].reduce((sum, part) => sum + file.tensors.get(part)!.byteLength, 0)
  if (!('kind' in tree)) return { type, dims, byteLength }
  return { type, dims, byteLength, compressed: tree.kind, metadataLength: metadataIn(tree) }
}

/** Of a tree, in UTF-8 as it is written. */
function metadataIn(tree: TreeNode): number {
  if (!('kind' in tree)) return 0
  const own = new TextEncoder().encode(canonicalJson(tree.meta)).length
  return [...tree.parts.values()].reduce((sum, part) => sum + metadataIn(part), own)
}
