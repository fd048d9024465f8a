import {
  check,
  coreKinds,
  type Encoded,
  type Encoding,
  FormatError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { type EncodedNode, encodedTrees, type TensorNode, type TreeNode } from './encoded-tree.ts'

const WHERE = 'formats/encoded'

/** Who brings which kind, for the error message. */
const HOMES: Readonly<Record<string, string>> = { entropy: '@tersor/codec', tensorTrain: '@tersor/prune' }

export interface LoadOptions {
  /** The kinds that may occur; `coreKinds` by default. With those of other packages: `[...coreKinds, other]`. */
  kinds?: readonly Encoding[] | undefined
}

/**
 * Loads an encoded tensor that a safetensors writer saved, with all its parts.
 *
 * @throws {FormatError} when the file has no such encoded tensor, or its tree contradicts its parts
 * @throws {UnsupportedError} when a kind of its tree is not among `kinds`
 * @example
 * const weight = dense(new Tensor('int8', [1, 2, 3, 4], [2, 2]))
 * const file = await openSafetensors(encodeSafetensors([['w', weight]]))
 * const loaded = await loadEncoded(file, 'w')
 * loaded.encoding.kind // => 'dense'
 * decode(loaded).data // => Float32Array [1, 2, 3, 4]
 */
export async function loadEncoded(
  file: SafetensorsFile,
  name: string,
  { kinds = coreKinds }: LoadOptions = {},
): Promise<Encoded> {
  const tree = encodedTrees(file).get(name)
  if (tree === undefined || !('kind' in tree)) {
    throw new FormatError(
      `[${WHERE}] expected an encoded tensor, got ${quoted(name)}; see encodedNames(file), and loadWeight for plain ones`,
    )
  }
  requireKinds(tree, kinds)
  const loaded = await loadNode(file, tree, kinds)
  check(loaded)
  return loaded
}

/** Before anything is read: every kind of the tree is there. */
function requireKinds(tree: TreeNode, kinds: readonly Encoding[]): void {
  if (!('kind' in tree)) return
  if (!kinds.some(({ kind }) => kind === tree.kind)) {
    const home = Object.hasOwn(HOMES, tree.kind) ? `comes with ${HOMES[tree.kind]}` : 'is not among them'
    throw new UnsupportedError(
      `[${WHERE}] expected one of the kinds ${kinds.map(({ kind }) => kind).join(', ')}, got ${quoted(tree.kind)}; ` +
        `it ${home}: pass its encoding in \`kinds\``,
    )
  }
  for (const part of tree.parts.values()) requireKinds(part, kinds)
}

async function loadNode(
  file: SafetensorsFile,
  tree: EncodedNode,
  kinds: readonly Encoding[],
): Promise<Encoded> {
  const parts: [string, Tensor | Encoded][] = []
  for (const [name, part] of tree.parts) {
    parts.push([name, 'kind' in part ? await loadNode(file, part, kinds) : await loadTensor(file, part)])
  }
  const encoding = kinds.find(({ kind }) => kind === tree.kind)!
  return Object.freeze({
    encoding,
    type: tree.type,
    dims: tree.dims,
    parts: Object.fromEntries(parts),
    meta: tree.meta,
  })
}

/** A leaf: the tensor as it is, or 4-bit integers out of their bytes. */
export async function loadTensor(file: SafetensorsFile, { tensor, type, dims }: TensorNode): Promise<Tensor> {
  const stored = await file.read(tensor)
  return stored.type === type ? stored : new Tensor(type, stored.data, dims)
}
