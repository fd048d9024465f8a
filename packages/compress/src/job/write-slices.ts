import type { FileHandle } from 'node:fs/promises'
import {
  canonicalJson,
  decode,
  type Encoded,
  isEncoded,
  type Json,
  reference,
  type Tensor,
  transfer,
} from '@tersor/core-tensor'
import { WeightError } from '@tersor/eval'
import { type Agreed, compressWeight, type WeightTask } from './compress-weight.ts'
import type { Slice } from './cut-rows.ts'
import type { Outcome } from './outcome.ts'
import { SliceWriter } from './slice-writer.ts'

/** A weight that is cut into slices. */
interface SlicedWeight {
  /** That it is stored under. */
  readonly name: string
  readonly dims: readonly number[]
  readonly slices: readonly Slice[]
  readonly read: (slice: Slice) => Promise<Tensor | Encoded>
  readonly task: WeightTask
}

/** What was made of a weight. */
export interface Written {
  readonly outcome: Outcome
  readonly bytes: number
  readonly snr: number
}

/**
 * Compresses a weight slice by slice into the safetensors file that holds it alone: the same bytes as of the whole. All slices have
 * to be stored alike; where a later one needs more than those before, such as wider scales, all are compressed again.
 */
export async function writeSlices(file: FileHandle, weight: SlicedWeight): Promise<Written> {
  let agreed: Agreed | undefined
  for (;;) {
    const pass = await writePass(file, weight, agreed)
    if (pass.written !== undefined) return pass.written
    agreed = pass.agreed
  }
}

/** Compresses all slices; writes them as long as they agree. */
async function writePass(
  file: FileHandle,
  { name, dims, slices, read, task }: SlicedWeight,
  before: Agreed | undefined,
): Promise<{ agreed: Agreed | undefined; written?: Written }> {
  const error = new WeightError()
  const columns = dims.at(-1)!
  let agreed = before
  let [writer, outcome]: [SliceWriter | undefined, Outcome | undefined] = [undefined, undefined]
  let alike = true
  for (const slice of slices) {
    task.signal?.throwIfAborted()
    const weight = await read(slice)
    const of = { dims, start: slice.rows[0] * columns, agreed }
    const made = await compressWeight(weight, { ...task, slice: of })
    alike &&= agreed === undefined || isSame(made.agreed, agreed)
    agreed = made.agreed
    if (!alike) continue
    const stored = await transfer(made.stored, reference)
    writer ??= await SliceWriter.begin(file, name, stored, { whole: dims, slice: slice.dims })
    await writer.add(stored)
    error.add(isEncoded(weight) ? decode(weight) : weight, stored)
    outcome = made.outcome
  }
  if (!alike || writer === undefined || outcome === undefined) return { agreed }
  return { agreed, written: { outcome, bytes: writer.bytes, snr: error.snr } }
}

function isSame(a: Agreed, b: Agreed): boolean {
  return canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json)
}
