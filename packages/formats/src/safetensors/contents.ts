import { canonicalJson, type DType, dtypeBits, FormatError, type Json } from '@tersor/core-tensor'
import { TREE_KEY, TREE_VERSION } from '../encoded/encoded-tree.ts'
import { quoted } from '../quoted.ts'
import { safetensorsDTypes, toSafetensorsDType } from './dtypes.ts'
import { MAX_HEADER_BYTES } from './parse-header.ts'

const WHERE = 'formats/safetensors'

/** Where data start, counted from the start of the file. */
const ALIGNMENT = 8

/** A tensor as the file describes it. */
export interface StoredTensor {
  /** Final once everything is taken in: of a tensor that is a part several times, the least of its names. */
  readonly name: string
  /** As the file spells it. */
  readonly dtype: string
  readonly dims: readonly number[]
  readonly byteLength: number
}

/** What a file says of a tensor: of all of a `Tensor`, what does not ask for its data. */
export interface TensorOutline {
  readonly type: DType
  readonly dims: readonly number[]
  readonly byteLength: number
}

/** What a file says of an encoding, likewise. */
export interface EncodedOutline<T extends TensorOutline = TensorOutline> {
  readonly encoding: { readonly kind: string }
  readonly type: DType
  readonly dims: readonly number[]
  readonly meta: { readonly [key: string]: Json }
  readonly parts: Readonly<Record<string, T | EncodedOutline<T>>>
}

/** A part that is a tensor; its name is looked up when the header is written. */
class Leaf {
  readonly stored: StoredTensor
  readonly packed: { readonly type: DType; readonly dims: readonly number[] } | undefined

  constructor(stored: StoredTensor, { type, dims }: TensorOutline) {
    this.stored = stored
    this.packed = dtypeBits[type] < 8 ? { type, dims } : undefined
  }
}

type Tree = Leaf | { readonly [field: string]: Json | Tree | { readonly [part: string]: Tree } }

/**
 * What a safetensors file will hold: plain tensors, and the trees that say which of them make up
 * encoded ones. It decides the order of the data and writes the header.
 *
 * A `Tensor` that is a part more than once, in one weight or in several, is stored once. One that is an
 * entry of its own is stored under its own name, whatever else it is a part of.
 */
export class Contents<T extends TensorOutline> {
  readonly #tensors: StoredTensor[] = []
  /** Of tensors, and of all places where they are parts. */
  readonly #names = new Set<string>()
  readonly #parts = new WeakMap<T, { -readonly [K in keyof StoredTensor]: StoredTensor[K] }>()
  readonly #trees: Record<string, Json | Tree> = {}

  /**
   * Takes an entry in, and says which tensors its data are.
   *
   * @throws {FormatError} when a name occurs twice
   */
  add(name: string, weight: T | EncodedOutline<T>): { stored: StoredTensor; tensor: T }[] {
    const added: { stored: StoredTensor; tensor: T }[] = []
    if (this.#taken(name)) throw twice(name)
    const tree = isOutlineOfEncoded(weight)
      ? this.#store(name, weight, added)
      : this.#storeNew(name, weight, added)
    // Defined rather than assigned, so that '__proto__' is a name like any other.
    if (!(tree instanceof Leaf && tree.packed === undefined))
      Object.defineProperty(this.#trees, name, { value: tree, enumerable: true })
    return added
  }

  /** The tensors of a weight that are stored already. */
  storedOf(weight: T | EncodedOutline<T>): { stored: StoredTensor; tensor: T }[] {
    if (isOutlineOfEncoded(weight)) return Object.values(weight.parts).flatMap(part => this.storedOf(part))
    const stored = this.#parts.get(weight)
    return stored === undefined ? [] : [{ stored, tensor: weight }]
  }

  /** From now on a tensor is another one: its memory was used for something else. */
  forget(tensor: T): void {
    this.#parts.delete(tensor)
  }

  /**
   * Takes in what another file holds, whose data will be copied.
   *
   * @throws {FormatError} when a name occurs twice
   */
  addFile(tensors: ReadonlyMap<string, StoredTensor>, trees: Readonly<Record<string, Json>>): void {
    for (const [name, tree] of Object.entries(trees)) {
      if (this.#taken(name)) throw twice(name)
      Object.defineProperty(this.#trees, name, { value: tree, enumerable: true })
    }
    for (const [name, stored] of tensors) {
      // A packed tensor that stands alone has a tree of its own name.
      if (this.#names.has(name) || (this.#taken(name) && !Object.hasOwn(trees, name))) throw twice(name)
      this.#names.add(name)
      this.#tensors.push(stored)
    }
  }

  #taken(name: string): boolean {
    return this.#names.has(name) || Object.hasOwn(this.#trees, name) || name === '__metadata__'
  }

  #store(name: string, weight: T | EncodedOutline<T>, added: { stored: StoredTensor; tensor: T }[]): Tree {
    if (isOutlineOfEncoded(weight)) {
      const { encoding, type, dims, meta } = weight
      const parts = Object.entries(weight.parts).map(([part, value]) => [
        part,
        this.#store(`${name}.${part}`, value, added),
      ])
      checkFinite(name, meta)
      return { kind: encoding.kind, type, dims, meta, parts: Object.fromEntries(parts) }
    }
    if (this.#taken(name)) throw twice(name)
    const known = this.#parts.get(weight)
    if (known === undefined) {
      const leaf = this.#storeNew(name, weight, added)
      this.#parts.set(weight, leaf.stored)
      return leaf
    }
    this.#names.add(name)
    // So that the bytes of a file do not depend on the order of its entries.
    if (name < known.name) known.name = name
    return new Leaf(known, weight)
  }

  #storeNew(name: string, tensor: T, added: { stored: StoredTensor; tensor: T }[]): Leaf {
    const { type, dims, byteLength } = tensor
    const stored = {
      name,
      dtype: toSafetensorsDType(type),
      dims: dtypeBits[type] < 8 ? [byteLength] : dims,
      byteLength,
    }
    this.#names.add(name)
    this.#tensors.push(stored)
    added.push({ stored, tensor })
    return new Leaf(stored, tensor)
  }

  /** The tensors in the order of their data: by dtype, the widest first, then by name in UTF-16 order. */
  inOrder(): StoredTensor[] {
    const rank: readonly string[] = Object.keys(safetensorsDTypes)
    return [...this.#tensors].sort(
      (a, b) => rank.indexOf(b.dtype) - rank.indexOf(a.dtype) || (a.name < b.name ? -1 : 1),
    )
  }

  /**
   * Everything before the data: the header's length, the header (metadata first, keys sorted, then
   * the tensors in the order of their data), and spaces up to the alignment.
   */
  header(metadata: Readonly<Record<string, string>>): Uint8Array {
    if (Object.hasOwn(metadata, TREE_KEY)) {
      throw new FormatError(
        `[${WHERE}] expected metadata without '${TREE_KEY}', which describes encoded tensors; use another key`,
      )
    }
    for (const [key, value] of Object.entries(metadata)) {
      if (typeof value !== 'string')
        throw new FormatError(
          `[${WHERE}] expected metadata ${quoted(key)} to be a string, got a ${typeof value}`,
        )
    }
    const trees = { version: TREE_VERSION, tensors: named(this.#trees) }
    const all =
      Object.keys(this.#trees).length === 0 ? metadata : { ...metadata, [TREE_KEY]: canonicalJson(trees) }
    const fields = Object.keys(all).length === 0 ? [] : [`"__metadata__":${canonicalJson(all)}`]
    let start = 0
    for (const { name, dtype, dims, byteLength } of this.inOrder()) {
      const value = { dtype, shape: dims, data_offsets: [start, start + byteLength] }
      fields.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`)
      start += byteLength
    }
    const json = new TextEncoder().encode(`{${fields.join(',')}}`)
    const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT
    if (length > MAX_HEADER_BYTES) {
      throw new FormatError(
        `[${WHERE}] expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}; save fewer tensors`,
      )
    }
    const bytes = new Uint8Array(8 + length).fill(0x20)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
    bytes.set(json, 8)
    return bytes
  }
}

/** A tree with its leaves as the file has them. */
function named(tree: Json | Tree): Json {
  if (tree instanceof Leaf) {
    const { stored, packed } = tree
    return packed === undefined ? stored.name : { tensor: stored.name, ...packed }
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return tree as Json
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, named(value)]))
}

function twice(name: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected each name once, got ${quoted(name)} again; parts of encoded tensors are named 'NAME.PART'`,
  )
}

function isOutlineOfEncoded<T extends TensorOutline>(
  weight: T | EncodedOutline<T>,
): weight is EncodedOutline<T> {
  return 'encoding' in weight
}

function checkFinite(name: string, meta: Json): void {
  if (typeof meta === 'number' && !Number.isFinite(meta)) {
    throw new FormatError(
      `[${WHERE}] expected finite numbers in the meta of ${quoted(name)}, got ${meta}, which JSON lacks`,
    )
  }
  if (typeof meta === 'object' && meta !== null)
    for (const value of Object.values(meta)) checkFinite(name, value)
}
