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
const HOMES: Readonly<Record<string, string>> = { rans: '@tersor/codec', tensorTrain: '@tersor/prune' }

export interface LoadOptions {
  /** The kinds that may occur; `coreKinds` by default. With those of other packages: `[...coreKinds, other]`. */
  kinds?: readonly Encoding[] | undefined
}

/**
 * Loads an encoded tensor that a safetensors writer saved, with all its parts. A tensor that is a part
 * several times is read once, and is one `Tensor`.
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
  const loaded = await new TreeLoader(file, kinds).load(tree)
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

class TreeLoader {
  readonly #file: SafetensorsFile
  readonly #kinds: readonly Encoding[]
  readonly #loaded = new Map<string, Tensor>()

  constructor(file: SafetensorsFile, kinds: readonly Encoding[]) {
    this.#file = file
    this.#kinds = kinds
  }

  async load({ kind, type, dims, meta, parts }: EncodedNode): Promise<Encoded> {
    const loaded: [string, Tensor | Encoded][] = []
    for (const [name, part] of parts)
      loaded.push([name, 'kind' in part ? await this.load(part) : await this.#tensor(part)])
    const encoding = this.#kinds.find(each => each.kind === kind)!
    return Object.freeze({ encoding, type, dims, parts: Object.fromEntries(loaded), meta })
  }

  async #tensor(node: TensorNode): Promise<Tensor> {
    // Bytes may be a part as they are, and as 4-bit integers.
    const key = `${node.type} [${node.dims}] ${node.tensor}`
    const known = this.#loaded.get(key) ?? (await loadTensor(this.#file, node))
    this.#loaded.set(key, known)
    return known
  }
}

/** A leaf: the tensor as it is, or 4-bit integers out of their bytes. */
export async function loadTensor(file: SafetensorsFile, { tensor, type, dims }: TensorNode): Promise<Tensor> {
  const stored = await file.read(tensor)
  return stored.type === type ? stored : new Tensor(type, stored.data, dims)
}
