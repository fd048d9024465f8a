import type { Tensor } from '../tensor/tensor.ts'
import { type Encoded, isEncoded } from './encoded.ts'

/** A tensor somewhere in a tree. */
export interface RowLeaf {
  /** Where it is in the tree: `.scale.codes`; nothing for a tensor that is the whole. */
  readonly place: string
  readonly tensor: Tensor
  /** Whether it has numbers for rows of the whole, which follow each other as these do; a table has none. */
  readonly ofRows: boolean
}

/**
 * The tensors that a weight is made of, and which of them grow with its rows: the weight of twice as many rows has twice as long
 * ones, and the others are the same.
 *
 * @returns undefined where the weight is of a kind that does not say so
 * @example
 * const codes = new Tensor('uint8', [0x21, 0x43], [2, 1])
 * const table = new Tensor('float32', [0, 1, 2, 4, 8], [5, 1])
 * const weight = codebook({ codes, table }, { dims: [2, 2], bits: 4 })
 * rowLeaves(weight)?.map(({ place, ofRows }) => [place, ofRows]) // => [['.codes', true], ['.table', false]]
 */
export function rowLeaves(weight: Tensor | Encoded): readonly RowLeaf[] | undefined {
  return leavesOf(weight, true, '')
}

function leavesOf(weight: Tensor | Encoded, ofRows: boolean, place: string): RowLeaf[] | undefined {
  if (!isEncoded(weight)) return [{ place, tensor: weight, ofRows }]
  const grow = ofRows ? weight.encoding.rowParts?.(weight) : []
  if (grow === undefined) return undefined
  const leaves: RowLeaf[] = []
  for (const [name, part] of Object.entries(weight.parts)) {
    const found = leavesOf(part, grow.includes(name), `${place}.${name}`)
    if (found === undefined) return undefined
    leaves.push(...found)
  }
  return leaves
}
