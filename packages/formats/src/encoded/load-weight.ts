import { type Encoded, selectRows, type Tensor } from '@tersor/core-tensor'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { encodedTrees } from './encoded-tree.ts'
import { type LoadOptions, loadEncoded, loadEncodedRows, readsEncodedRows } from './load-encoded.ts'
import { loadTensor } from './tree-loader.ts'

export interface LoadWeightOptions extends LoadOptions {
  /** Only these entries of the first axis; only their bytes are read, see `readsRows`. */
  rows?: readonly [start: number, end: number] | undefined
  /** A plain tensor as a matrix, whose rows `rows` counts: all axes but the last are one. */
  flat?: boolean | undefined
}

/**
 * Loads a weight whichever way it is stored: an `Encoded` if the file has one of that name, else
 * the plain tensor.
 *
 * @throws {FormatError} when the file has neither
 * @throws {ShapeError} when it has no such rows
 * @throws {UnsupportedError} when a kind of its tree is not among `kinds`
 * @example
 * const file = await openSafetensors(encodeSafetensors([['bias', new Tensor('float32', [1, 2], [2])]]))
 * const bias = await loadWeight(file, 'bias')
 * bias.dims // => [2]
 */
export async function loadWeight(
  file: SafetensorsFile,
  name: string,
  options: LoadWeightOptions = {},
): Promise<Tensor | Encoded> {
  const tree = encodedTrees(file).get(name)
  const { rows, flat } = options
  if (tree === undefined) return file.read(name, { rows, flat })
  if ('kind' in tree && rows !== undefined) return loadEncodedRows(file, name, rows, options)
  const whole = await ('kind' in tree ? loadEncoded(file, name, options) : loadTensor(file, tree))
  return rows === undefined ? whole : selectRows(whole, rows)
}

/** Whether some rows of a weight are read without the others, but for parts that are small beside it. */
export function readsRows(file: SafetensorsFile, name: string, options: LoadOptions = {}): boolean {
  const tree = encodedTrees(file).get(name)
  return tree === undefined ? file.tensors.has(name) : readsEncodedRows(file, name, options)
}
