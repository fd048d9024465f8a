import {
  check,
  coreKinds,
  type Encoded,
  type Encoding,
  FormatError,
  isEncoded,
  selectRows,
  type Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { type EncodedNode, encodedTrees, type TreeNode, tensorsIn } from './encoded-tree.ts'
import { TreeLoader } from './tree-loader.ts'

const WHERE = 'formats/encoded'

/**
 * What is read whole for some rows too may be so much of an encoding. Scales that are compressed in groups down the rows, as those of
 * NF4 are, are a thirtieth; codes behind an entropy coder are most of it.
 */
const SMALL_PART = 1 / 16

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
  const tree = treeOf(file, name, kinds)
  const loaded = await new TreeLoader(file, kinds).load(tree)
  check(loaded)
  return loaded
}

/**
 * Loads some rows of an encoded tensor: what `selectRows` makes of the whole. Parts that grow with the rows are read by rows, where
 * {@link readsEncodedRows}.
 *
 * @throws {FormatError} and {UnsupportedError} as {@link loadEncoded}
 * @throws {ShapeError} when it has no such rows
 */
export async function loadEncodedRows(
  file: SafetensorsFile,
  name: string,
  rows: readonly [start: number, end: number],
  { kinds = coreKinds }: LoadOptions = {},
): Promise<Tensor | Encoded> {
  const tree = treeOf(file, name, kinds)
  const loader = new TreeLoader(file, kinds)
  if (!readsEncodedRows(file, name, { kinds }))
    return selectRows(await loadEncoded(file, name, { kinds }), rows)
  const loaded = await loader.rows(tree, rows)
  if (isEncoded(loaded)) check(loaded)
  return loaded
}

/** Whether rows of an encoded matrix are read without the others, but for parts that are small beside it. */
export function readsEncodedRows(
  file: SafetensorsFile,
  name: string,
  { kinds = coreKinds }: LoadOptions = {},
): boolean {
  const tree = encodedTrees(file).get(name)
  if (tree === undefined || !('kind' in tree) || tree.dims.length !== 2) return false
  const bytes = (node: TreeNode) =>
    [...tensorsIn(node)].reduce((sum, tensor) => sum + file.tensors.get(tensor)!.byteLength, 0)
  const whole = new TreeLoader(file, kinds).readWhole(tree)
  return whole.reduce((sum, node) => sum + bytes(node), 0) <= bytes(tree) * SMALL_PART
}

function treeOf(file: SafetensorsFile, name: string, kinds: readonly Encoding[]): EncodedNode {
  const tree = encodedTrees(file).get(name)
  if (tree === undefined || !('kind' in tree)) {
    throw new FormatError(
      `[${WHERE}] expected an encoded tensor, got ${quoted(name)}; see encodedNames(file), and loadWeight for plain ones`,
    )
  }
  requireKinds(tree, kinds)
  return tree
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
