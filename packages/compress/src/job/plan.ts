import { isFloat, sizeOf, UnsupportedError, type WeightPlan } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'
import type { CheckedStep } from '../recipe.ts'
import type { Slice } from './cut-rows.ts'

/** What a job expects to make of one tensor. */
export interface TensorPlan {
  readonly name: string
  /** What is done to it, in turn; nothing where it is only stored. */
  readonly steps: readonly string[]
  /** Exactly what the result takes where `exact`, else at most that. */
  readonly bytes: number
  readonly exact: boolean
  /** Bytes that are held at the same time on the way. */
  readonly peak: number
}

/** What a job expects to do, before it reads a weight. */
export interface Plan {
  readonly tensors: readonly TensorPlan[]
  /** Of all tensors together; exactly where `exact`, else at most. */
  readonly bytes: number
  readonly exact: boolean
  /** The most bytes that are held at the same time: a tensor's, or with calibration about a model's and a block's statistics. */
  readonly peak: number
  /** Bytes that have to be free on the disk: for the target, and for the tensors that are done until they are in it. */
  readonly needed: number
  /** Bytes that are free there, where the system says. */
  readonly free: number | undefined
}

/** Names, dims and offsets of a tensor in a header, and its line in the manifest. */
const HEADER_BYTES = 4096

/** What a method that does not say may take for a weight: its numbers in float32, and what describes them. */
const unplanned = (elements: number) => 4 * elements + HEADER_BYTES

/** What is done to a tensor. */
interface Planned {
  readonly use?: readonly CheckedStep[] | undefined
  readonly otherwise: 'float16' | 'keep'
  /** Where it is never held as a whole. */
  readonly slices?: readonly Slice[] | undefined
}

/**
 * What a job expects to make of a tensor.
 *
 * @throws {TersorError} what a method's own plan throws for a weight that it cannot take
 */
export function planTensor(
  { info, readsRows }: Pick<ModelFile, 'info' | 'readsRows'>,
  name: string,
  { use = [], otherwise, slices }: Planned,
): TensorPlan {
  const { type, dims, byteLength, compressed } = info(name)
  if (type === undefined) {
    throw new UnsupportedError(
      `[compress/job] expected a dtype that Tersor has for '${name}', got another; convert the tensor first`,
    )
  }
  const elements = sizeOf(dims)
  const [slice] = slices ?? []
  const share = slice === undefined ? 1 : sizeOf(slice.dims) / elements
  // Where a file has no rows to read, slices are cut from all of the weight.
  const held = slice === undefined || readsRows(name) ? 0 : byteLength
  const decoded = 4 * elements
  if (use.length === 0 || !isFloat(type) || dims.length < 2) {
    const narrows = otherwise === 'float16' && (type === 'float32' || type === 'float64')
    const exact = !narrows && compressed === undefined
    const bytes = exact ? byteLength : Math.max(byteLength + HEADER_BYTES, decoded)
    return {
      name,
      steps: [],
      bytes: narrows && compressed === undefined ? byteLength : bytes,
      exact,
      peak: held + Math.ceil(share * (byteLength + decoded)),
    }
  }
  // Weights that are compressed already are decoded first.
  const weight = { dims, type: compressed === undefined ? type : 'float32' } as const
  const plans: (WeightPlan | undefined)[] = []
  for (const { method, options } of use) plans.push(method.plan?.(weight, options as never, plans.at(-1)))
  const last = plans.at(-1)
  return {
    name,
    steps: use.map(({ label }) => label),
    bytes: last?.bytes ?? unplanned(elements),
    exact: plans.every(plan => plan?.exact === true),
    peak: held + Math.ceil(share * Math.max(...plans.map(plan => plan?.peak ?? 3 * decoded))),
  }
}

/** Tensor plans put together. */
export function sumOf(
  tensors: readonly TensorPlan[],
  { calibration, beside, free }: { calibration: number; beside: number; free: number | undefined },
): Plan {
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
  const peak = tensors.reduce((most, tensor) => Math.max(most, tensor.peak), 0)
  return {
    tensors,
    bytes,
    exact: tensors.every(({ exact }) => exact),
    peak: peak + calibration,
    needed: 2 * (bytes + tensors.length * HEADER_BYTES) + beside,
    free,
  }
}
