import { decode, type Encoded, isEncoded, sameDims, selectRows, type Tensor } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'
import type { Slice } from './cut-rows.ts'

/** Reads slices of a weight one by one; where the file has no rows to read, they are cut from the weight in memory. */
export async function sliceReader(
  model: ModelFile,
  name: string,
): Promise<(slice: Slice) => Promise<Tensor | Encoded>> {
  if (model.readsRows(name)) {
    return async ({ rows, dims }) => shaped(await model.load(name, { rows }), dims)
  }
  const whole = await model.load(name)
  const perEntry = whole.dims.slice(1, -1).reduce((a, b) => a * b, 1)
  return async ({ rows: [start, end], dims }) => {
    const [first, last] = [Math.floor(start / perEntry), Math.ceil(end / perEntry)]
    const entries = selectRows(whole, [first, last])
    if (sameDims(entries.dims, dims)) return entries
    const inEntry = start - first * perEntry
    const columns = dims.at(-1)!
    const matrix = plain(entries).reshape([(last - first) * perEntry, columns])
    return matrix.rows(inEntry, inEntry + end - start).reshape([...dims])
  }
}

function shaped(slice: Tensor | Encoded, dims: readonly number[]): Tensor | Encoded {
  return sameDims(slice.dims, dims) ? slice : plain(slice).reshape([...dims])
}

function plain(weight: Tensor | Encoded): Tensor {
  return isEncoded(weight) ? decode(weight) : weight
}
