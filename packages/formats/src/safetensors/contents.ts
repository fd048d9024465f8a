import {
  canonicalJson,
  dtypeBits,
  type Encoded,
  FormatError,
  isEncoded,
  type Json,
  type Tensor,
} from '@tersor/core-tensor'
import { TREE_KEY, TREE_VERSION } from '../encoded/encoded-tree.ts'
import { quoted } from '../quoted.ts'
import { safetensorsDTypes, toSafetensorsDType } from './dtypes.ts'
import { MAX_HEADER_BYTES } from './parse-header.ts'

const WHERE = 'formats/safetensors'

/** Where data start, counted from the start of the file. */
const ALIGNMENT = 8

/** A tensor as the file describes it. */
export interface StoredTensor {
  readonly name: string
  /** As the file spells it. */
  readonly dtype: string
  readonly dims: readonly number[]
  readonly byteLength: number
}

/**
 * What a safetensors file will hold: plain tensors, and the trees that say which of them make up
 * encoded ones. It decides the order of the data and writes the header.
 */
export class Contents {
  readonly #tensors = new Map<string, StoredTensor>()
  readonly #trees: Record<string, Json> = {}

  /**
   * Takes an entry in, and says which tensors its data are.
   *
   * @throws {FormatError} when a name occurs twice
   */
  add(name: string, weight: Tensor | Encoded): { stored: StoredTensor; tensor: Tensor }[] {
    const added: { stored: StoredTensor; tensor: Tensor }[] = []
    if (this.#taken(name)) throw twice(name)
    const tree = this.#store(name, weight, added)
    // Defined rather than assigned, so that '__proto__' is a name like any other.
    if (typeof tree !== 'string') Object.defineProperty(this.#trees, name, { value: tree, enumerable: true })
    return added
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
      if (this.#tensors.has(name) || (this.#taken(name) && !Object.hasOwn(trees, name))) throw twice(name)
      this.#tensors.set(name, stored)
    }
  }

  #taken(name: string): boolean {
    return this.#tensors.has(name) || Object.hasOwn(this.#trees, name) || name === '__metadata__'
  }

  #store(name: string, weight: Tensor | Encoded, added: { stored: StoredTensor; tensor: Tensor }[]): Json {
    const { type, dims } = weight
    if (isEncoded(weight)) {
      const parts = Object.entries(weight.parts).map(([part, value]) => [
        part,
        this.#store(`${name}.${part}`, value, added),
      ])
      checkFinite(name, weight.meta)
      return { kind: weight.encoding.kind, type, dims, meta: weight.meta, parts: Object.fromEntries(parts) }
    }
    if (this.#taken(name)) throw twice(name)
    const packed = dtypeBits[type] < 8
    const storedDims = packed ? [weight.byteLength] : dims
    const stored = { name, dtype: toSafetensorsDType(type), dims: storedDims, byteLength: weight.byteLength }
    this.#tensors.set(name, stored)
    added.push({ stored, tensor: weight })
    return packed ? { tensor: name, type, dims } : name
  }

  /** The tensors in the order of their data: by dtype, the widest first, then by name in UTF-16 order. */
  inOrder(): StoredTensor[] {
    const rank: readonly string[] = Object.keys(safetensorsDTypes)
    return [...this.#tensors.values()].sort(
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
    const trees = { version: TREE_VERSION, tensors: this.#trees }
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

function twice(name: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected each name once, got ${quoted(name)} again; parts of encoded tensors are named 'NAME.PART'`,
  )
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
