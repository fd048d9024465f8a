import { check, type Encoded, type Encoding, selectRows, Tensor } from '@tersor/core-tensor'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import type { EncodedNode, TensorNode, TreeNode } from './encoded-tree.ts'

type Rows = readonly [start: number, end: number]

/** Loads trees of a file, all of whose kinds are there; the caller checks them. */
export class TreeLoader {
  readonly #file: SafetensorsFile
  readonly #kinds: readonly Encoding[]
  readonly #loaded = new Map<string, Tensor>()

  constructor(file: SafetensorsFile, kinds: readonly Encoding[]) {
    this.#file = file
    this.#kinds = kinds
  }

  async load(node: EncodedNode): Promise<Encoded> {
    const loaded: [string, Tensor | Encoded][] = []
    for (const [name, part] of node.parts) loaded.push([name, await this.#part(part)])
    return this.#encoded(node, node.dims, loaded)
  }

  /** Some rows: parts that grow with them are read by rows where each row of the whole has one of theirs. */
  async rows(node: TreeNode, rows: Rows): Promise<Tensor | Encoded> {
    if (!('kind' in node)) return this.#tensorRows(node, rows)
    const growing = this.#growing(node)
    if (growing === undefined) {
      const whole = await this.load(node)
      check(whole)
      return selectRows(whole, rows)
    }
    const loaded: [string, Tensor | Encoded][] = []
    for (const [name, part] of node.parts)
      loaded.push([name, growing.includes(name) ? await this.rows(part, rows) : await this.#part(part)])
    const dims = [rows[1] - rows[0], ...node.dims.slice(1)]
    return this.#encoded(node, dims, loaded)
  }

  /** What `rows` reads all of. */
  readWhole(node: TreeNode): TreeNode[] {
    if (!('kind' in node)) return isPacked(this.#file, node) ? [node] : []
    const growing = this.#growing(node)
    if (growing === undefined) return [node]
    return [...node.parts].flatMap(([name, part]) => (growing.includes(name) ? this.readWhole(part) : [part]))
  }

  /** The parts that have a row for each row of the whole, and all that grow with those are among them. */
  #growing(node: EncodedNode): readonly string[] | undefined {
    const { dims, parts } = node
    const encoding = this.#kinds.find(({ kind }) => kind === node.kind)
    // What a kind looks at are the dims of its parts.
    const outline = { ...node, encoding, parts: Object.fromEntries(parts) } as unknown as Encoded
    const growing = dims.length < 2 ? undefined : encoding?.rowParts?.(outline)
    return growing?.every(name => parts.get(name)?.dims[0] === dims[0]) ? growing : undefined
  }

  #part(part: TreeNode): Promise<Tensor | Encoded> {
    return 'kind' in part ? this.load(part) : this.#tensor(part)
  }

  #encoded(
    { kind, type, meta }: EncodedNode,
    dims: readonly number[],
    parts: readonly (readonly [string, Tensor | Encoded])[],
  ): Encoded {
    const encoding = this.#kinds.find(each => each.kind === kind)!
    return Object.freeze({ encoding, type, dims, parts: Object.fromEntries(parts), meta })
  }

  async #tensorRows(node: TensorNode, rows: Rows): Promise<Tensor> {
    if (!isPacked(this.#file, node)) return this.#file.read(node.tensor, { rows })
    return selectRows(await this.#tensor(node), rows)
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

/** Whether the bytes of a tensor hold several of its numbers each, so that the file has other rows. */
function isPacked(file: SafetensorsFile, { tensor, type }: TensorNode): boolean {
  return file.tensors.get(tensor)?.type !== type
}
