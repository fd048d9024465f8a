import type { Tensor } from '@tersor/core-tensor'
import { Golden } from './golden.ts'

/** What the reference implementation gives for a batch of texts, without the padding that it has and we have not. */
export interface EncoderExpectation {
  /** Tokens of each text. */
  readonly texts: readonly Int32Array[]
  /** (tokens of all texts, hidden) behind the last layer. */
  readonly last: Float32Array
  /** Of the first text, (tokens, hidden): what enters each layer, and leaves the last one. */
  readonly hidden: readonly Float32Array[]
  /** (texts, hidden), the mean of each text's tokens. */
  readonly pooled: Float32Array
  /** The same with a length of 1. */
  readonly embeddings: Float32Array
}

export async function encoderExpectation(folder: string): Promise<EncoderExpectation> {
  const stored = await new Golden(folder).expected()
  const [tokens, mask] = [stored.get('tokens')!, stored.get('attention_mask')!]
  const [texts, padded] = tokens.dims as [number, number]
  const lengths = Array.from({ length: texts }, (_, text) => part<Int32Array>(mask, text).indexOf(0)).map(
    end => (end < 0 ? padded : end),
  )
  const [layers = 0, , width = 0] = stored.get('hidden')!.dims
  const rows = (name: string, index: number, length: number) =>
    part<Float32Array>(stored.get(name)!, index).subarray(0, length * width)
  return {
    texts: lengths.map((length, text) => part<Int32Array>(tokens, text).slice(0, length)),
    last: joined(lengths.map((length, text) => rows('last_hidden_state', text, length))),
    hidden: Array.from({ length: layers }, (_, layer) => rows('hidden', layer, lengths[0]!)),
    pooled: stored.get('mean_pooled')!.data as Float32Array,
    embeddings: stored.get('embedding')!.data as Float32Array,
  }
}

/** One of the tensors that lie in a larger one. */
function part<T extends Int32Array | Float32Array>({ data, dims }: Tensor, index: number): T {
  const size = data.length / dims[0]!
  return data.subarray(index * size, (index + 1) * size) as T
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap(rows => [...rows]))
}
