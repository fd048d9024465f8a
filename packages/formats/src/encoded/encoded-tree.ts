import {
  bytesOf,
  type DType,
  dtypeBits,
  FormatError,
  type Json,
  MAX_DEPTH,
  UnsupportedError,
} from '@tersor/core-tensor'
import { elementCount } from '../element-count.ts'
import { jsonObject, parseJson } from '../parse-json.ts'
import { quoted } from '../quoted.ts'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'

/**
 * How encoded tensors lie in a safetensors file: their tensors are plain ones, named after the path
 * of their part (`w.codes`, `w.0.values`), and the metadata key `tersor` holds
 *
 *     { "version": 1, "tensors": { [name]: tree } }
 *     tree = { "kind", "type", "dims", "meta", "parts": { [part]: leaf or tree } }
 *     leaf = "tensor name" | { "tensor": "tensor name", "type", "dims" }
 *
 * as canonical JSON. The long leaf is for 4-bit integers, whose packed bytes are stored as U8; a
 * tensor of these that stands alone has such a leaf for a tree. A tensor may be a part in several
 * places, of one tree or of many, and then has the least of its names; readers of version 1 from
 * before that was so refuse such a file by the name of the tensor, and read all others.
 */
export const TREE_KEY = 'tersor'

/** The version of that layout which is written, and the only one that is read. */
export const TREE_VERSION = 1

/** The shape of an empty tensor is bounded by no bytes, so its other dimensions are bounded by this. */
const MAX_EMPTY_DIM = 2 ** 24

/** A hundred thousand weights of ten parts each; every node costs some hundred bytes of memory. */
const MAX_NODES = 2 ** 20

/**
 * What the parts that name a tensor again may be long, beside as much as the file itself: shared tables are
 * small, and who walks all trees of a file should not walk its bytes a million times.
 */
const MAX_REPEATED_BYTES = 2 ** 28

/** Each level of a tree is two levels of JSON, and `meta` may nest as deep again. */
const MAX_JSON_DEPTH = 4 * MAX_DEPTH

const WHERE = 'formats/encoded'

export type TreeNode = TensorNode | EncodedNode

export interface TensorNode {
  readonly tensor: string
  readonly type: DType
  readonly dims: readonly number[]
}

export interface EncodedNode {
  readonly kind: string
  readonly type: DType
  readonly dims: readonly number[]
  readonly meta: { readonly [key: string]: Json }
  readonly parts: ReadonlyMap<string, TreeNode>
}

const parsed = /* @__PURE__ */ new WeakMap<SafetensorsFile, ReadonlyMap<string, TreeNode>>()

/**
 * The trees of a file, checked against its header; parsed when first asked for.
 *
 * @throws {FormatError} when they contradict the header or each other
 * @throws {UnsupportedError} for another version of the layout
 */
export function encodedTrees(file: SafetensorsFile): ReadonlyMap<string, TreeNode> {
  let trees = parsed.get(file)
  if (trees === undefined) {
    trees = parseTrees(file)
    parsed.set(file, trees)
  }
  return trees
}

/**
 * The trees of a file as its metadata have them, not checked against its header.
 *
 * @throws {UnsupportedError} for another version of the layout
 */
export function storedTrees(metadata: ReadonlyMap<string, string>): Readonly<Record<string, Json>> {
  const text = metadata.get(TREE_KEY)
  if (text === undefined) return {}
  const root = jsonObject(
    parseJson(text, { maxDepth: MAX_JSON_DEPTH, where: WHERE }),
    `metadata '${TREE_KEY}'`,
    WHERE,
  )
  if (root.version !== TREE_VERSION) {
    throw new UnsupportedError(
      `[${WHERE}] expected version ${TREE_VERSION} of the trees, got ${JSON.stringify(root.version)?.slice(0, 100)}; update @tersor/formats`,
    )
  }
  return jsonObject(root.tensors, "'tensors'", WHERE) as Readonly<Record<string, Json>>
}

function parseTrees(file: SafetensorsFile): ReadonlyMap<string, TreeNode> {
  const stored = Object.entries(storedTrees(file.metadata))
  const parser = new TreeParser(file, new Set(stored.map(([name]) => name)))
  return new Map(stored.map(([name, tree]) => [name, parser.tree(name, tree)]))
}

/** The names of the tensors that a tree is made of, each once. */
export function tensorsIn(tree: TreeNode): ReadonlySet<string> {
  const names = new Set<string>()
  const collect = (node: TreeNode): void => {
    if ('kind' in node) for (const part of node.parts.values()) collect(part)
    else names.add(node.tensor)
  }
  collect(tree)
  return names
}

class TreeParser {
  readonly #file: SafetensorsFile
  readonly #trees: ReadonlySet<string>
  readonly #used = new Set<string>()
  #name = ''
  #nodes = 0
  #repeated = 0

  /** @param trees  the names of all trees */
  constructor(file: SafetensorsFile, trees: ReadonlySet<string>) {
    this.#file = file
    this.#trees = trees
  }

  tree(name: string, value: unknown): TreeNode {
    this.#name = name
    const tree = this.#node(value, 0)
    if (this.#file.tensors.has(name) && !this.#used.has(name)) throw twoMeanings(name)
    return tree
  }

  #node(value: unknown, depth: number): TreeNode {
    if (++this.#nodes > MAX_NODES)
      throw new FormatError(`[${WHERE}] expected at most ${MAX_NODES} nodes in all trees`)
    if (depth > MAX_DEPTH) throw new FormatError(`[${WHERE}] expected trees at most ${MAX_DEPTH} deep`)
    if (typeof value === 'string') return this.#plainLeaf(value)
    const node = jsonObject(value, 'a node', WHERE)
    const { type, dims } = declared(node)
    if (typeof node.tensor === 'string') return this.#packedLeaf(node.tensor, type, dims)
    if (typeof node.kind !== 'string')
      throw new FormatError(`[${WHERE}] expected a node with a 'kind' or a 'tensor'`)
    const meta = jsonObject(node.meta, "'meta'", WHERE) as EncodedNode['meta']
    const parts = new Map<string, TreeNode>()
    for (const [name, part] of Object.entries(jsonObject(node.parts, "'parts'", WHERE))) {
      parts.set(name, this.#node(part, depth + 1))
    }
    return { kind: node.kind, type, dims, meta, parts }
  }

  /** A tensor that is what the header says. */
  #plainLeaf(name: string): TensorNode {
    const { type, dtype, dims } = this.#use(name)
    if (type === undefined) {
      throw new UnsupportedError(
        `[${WHERE}] expected a dtype that Tersor has for ${quoted(name)}, got ${quoted(dtype)}`,
      )
    }
    return { tensor: name, type, dims }
  }

  /** A tensor whose bytes are 4-bit integers. */
  #packedLeaf(name: string, type: DType, dims: readonly number[]): TensorNode {
    const { dtype, byteLength } = this.#use(name)
    const bytes = bytesOf(type, elementCount(dims, WHERE))
    if (dtypeBits[type] !== 4 || dtype !== 'U8' || byteLength !== bytes) {
      throw new FormatError(
        `[${WHERE}] expected ${quoted(name)} to hold int4 or uint4 as ${bytes} bytes of U8, ` +
          `got ${type} [${dims}] as ${byteLength} bytes of ${quoted(dtype)}`,
      )
    }
    return { tensor: name, type, dims }
  }

  #use(name: string) {
    const info = this.#file.tensors.get(name)
    if (info === undefined)
      throw new FormatError(`[${WHERE}] expected a tensor ${quoted(name)}, which the file does not have`)
    // A tensor of a tree's name belongs to that tree alone.
    if (name !== this.#name && this.#trees.has(name)) throw twoMeanings(name)
    if (this.#used.has(name)) this.#repeat(info.byteLength)
    this.#used.add(name)
    return info
  }

  #repeat(byteLength: number): void {
    this.#repeated += byteLength
    if (this.#repeated <= MAX_REPEATED_BYTES) return
    const all = [...this.#file.tensors.values()].reduce((sum, info) => sum + info.byteLength, 0)
    if (this.#repeated > MAX_REPEATED_BYTES + all) {
      throw new FormatError(
        `[${WHERE}] expected tensors that are parts several times to be small, got ${this.#repeated} bytes named again`,
      )
    }
  }
}

function twoMeanings(name: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected one meaning of ${quoted(name)}, got a tree and an unrelated tensor`,
  )
}

function declared({ type, dims }: Record<string, unknown>): { type: DType; dims: readonly number[] } {
  if (typeof type !== 'string' || !Object.hasOwn(dtypeBits, type) || !Array.isArray(dims)) {
    throw new FormatError(`[${WHERE}] expected a node with a dtype as 'type' and 'dims'`)
  }
  if (elementCount(dims, WHERE) === 0 && dims.some(dim => dim > MAX_EMPTY_DIM)) {
    throw new FormatError(
      `[${WHERE}] expected dimensions of at most ${MAX_EMPTY_DIM} beside a 0, got [${dims}]`,
    )
  }
  return { type: type as DType, dims: Object.freeze(dims) }
}
