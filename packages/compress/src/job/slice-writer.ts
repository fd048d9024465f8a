import type { FileHandle } from 'node:fs/promises'
import {
  byteLength,
  bytesOf,
  type Encoded,
  isEncoded,
  type RowLeaf,
  rowLeaves,
  sizeOf,
  type Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { type EncodedOutline, safetensorsLayout, type TensorOutline } from '@tersor/formats'
import { writeAt } from './files.ts'

type Outline = TensorOutline | EncodedOutline

/** The dims of a weight, and of the slices that it is cut into. */
interface Cut {
  readonly whole: readonly number[]
  readonly slice: readonly number[]
}

/** A part of the weight in the file. */
interface Place {
  /** That of the first slice. */
  readonly leaf: RowLeaf
  /** Where its next bytes go. */
  at: number
}

/**
 * Writes a weight of which only slices are ever in memory, as the safetensors file that holds it alone. Where everything lies in it
 * follows from the first slice: parts that have rows grow with the weight, and their slices stand one behind the other.
 */
export class SliceWriter {
  readonly #file: FileHandle
  readonly #name: string
  readonly #places: readonly Place[]
  /** `byteLength` of the whole. */
  readonly bytes: number

  private constructor(file: FileHandle, name: string, places: readonly Place[], bytes: number) {
    this.#file = file
    this.#name = name
    this.#places = places
    this.bytes = bytes
  }

  /**
   * Writes what does not depend on slices: the header of the whole, and parts that all slices share.
   *
   * @param name  that the weight is stored under
   * @param first  of its slices, which `add` takes again
   */
  static async begin(
    file: FileHandle,
    name: string,
    first: Tensor | Encoded,
    cut: Cut,
  ): Promise<SliceWriter> {
    const leaves = leavesOf(first, name)
    const outlines: TensorOutline[] = []
    const whole = outlineOf(first, true, cut, outlines)
    const { header, offsets } = safetensorsLayout([[name, whole]])
    const places = leaves.map((leaf, i) => ({ leaf, at: offsets.get(outlines[i]!)! }))
    let bytes = byteLength(first)
    for (const [i, { tensor }] of leaves.entries()) bytes += outlines[i]!.byteLength - tensor.byteLength
    await file.truncate()
    await writeAt(file, header, 0)
    for (const { leaf, at } of places) if (!leaf.ofRows) await writeAt(file, bytesIn(leaf.tensor), at)
    return new SliceWriter(file, name, places, bytes)
  }

  /** Writes the next slice. */
  async add(slice: Tensor | Encoded): Promise<void> {
    const leaves = leavesOf(slice, this.#name)
    if (leaves.length !== this.#places.length) throw unlike(this.#name)
    for (const [i, place] of this.#places.entries()) {
      const { leaf } = place
      const { tensor, ofRows, place: name } = leaves[i]!
      const bytes = bytesIn(tensor)
      const shared = ofRows || isSame(bytes, bytesIn(leaf.tensor))
      if (name !== leaf.place || tensor.type !== leaf.tensor.type || ofRows !== leaf.ofRows || !shared)
        throw unlike(this.#name)
      if (!ofRows) continue
      await writeAt(this.#file, bytes, place.at)
      place.at += bytes.length
    }
  }
}

/**
 * The weight that slices are of, without numbers.
 *
 * @param grows  whether this part of it grows with its rows
 * @param tensors  gets its tensors, in the order of `rowLeaves`
 */
function outlineOf(slice: Tensor | Encoded, grows: boolean, cut: Cut, tensors: TensorOutline[]): Outline {
  const dims = grows ? grown(slice.dims, cut) : slice.dims
  if (!isEncoded(slice)) {
    const outline = { type: slice.type, dims, byteLength: bytesOf(slice.type, sizeOf(dims)) }
    tensors.push(outline)
    return outline
  }
  const { encoding, type, meta } = slice
  const growing = encoding.rowParts?.(slice) ?? []
  const parts: Record<string, Outline> = {}
  for (const [name, part] of Object.entries(slice.parts)) {
    parts[name] = outlineOf(part, grows && growing.includes(name), cut, tensors)
  }
  return { encoding, type, dims, meta, parts }
}

/** Dims that grow along with the rows of a weight; numbers of groups of rows are as many fewer in the whole. */
function grown(dims: readonly number[], { whole, slice }: Cut): readonly number[] {
  return dims.map((dim, axis) => {
    const [from, to] = [slice[axis]!, whole[axis]!]
    const alongRows = axis < slice.length - 1 && from !== to
    return alongRows ? Math.ceil((dim * to) / from) : dim
  })
}

function leavesOf(slice: Tensor | Encoded, name: string): readonly RowLeaf[] {
  const leaves = rowLeaves(slice)
  if (leaves === undefined) throw unlike(name)
  return leaves
}

function bytesIn({ data, byteLength: length }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, length)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function unlike(name: string): UnsupportedError {
  return new UnsupportedError(
    `[compress/slices] expected a method that gives for slices of '${name}' slices of one weight, got parts that do not fit together; its \`rowwise\` is wrong`,
  )
}
