import {
  type Encoded,
  isEncoded,
  isFloat,
  type JobOptions,
  type Json,
  type LayerContext,
  numbersOf,
  Rng,
  reference,
  ShapeError,
  sameDims,
  type Tensor,
  TersorError,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { requireFiniteWeight } from '../calibration/require-finite.ts'
import type { CheckedStep } from '../recipe.ts'
import { crypto } from './files.ts'
import type { Outcome } from './outcome.ts'

/** The largest float16. */
const MAX_FLOAT16 = 65504

/** What a job does with one weight. */
export interface WeightTask extends JobOptions {
  readonly name: string
  /** Undefined where no rule names it. */
  readonly use: readonly CheckedStep[] | undefined
  readonly otherwise: 'float16' | 'keep'
  readonly seed: number
  /** Whether an error of a method ends the job. */
  readonly strict: boolean
  readonly statistics?: LayerContext['statistics'] | undefined
  /** Of a slice. */
  readonly slice?: {
    readonly dims: readonly number[]
    readonly start: number
    readonly agreed?: Agreed | undefined
  }
}

/** What slices of a weight agreed on, so that they can be stacked. */
export interface Agreed {
  /** Of each step. */
  readonly steps: readonly Json[]
  /** Whether float16 holds all of them. */
  readonly narrow: boolean
  /** Why a method did not take one of them, where that does not end the job. */
  readonly fell: string | null
}

interface CompressedWeight {
  readonly stored: Tensor | Encoded
  readonly outcome: Outcome
  /** What slices agree on now; the same as before once it holds for all. */
  readonly agreed: Agreed
}

/**
 * Runs the steps of a recipe on one weight or on a slice of one, each on what the one before it gave.
 *
 * @throws {NumericalError} for a weight that is not finite, naming the place
 * @throws {TersorError} whatever a method throws, when `strict`
 */
export async function compressWeight(weight: Tensor | Encoded, task: WeightTask): Promise<CompressedWeight> {
  const { name, use, strict, slice } = task
  const before = slice?.agreed ?? { steps: [], narrow: true, fell: null }
  if (!isFloat(weight.type)) {
    const outcome = skipped(`${weight.type} numbers are kept as they are`)
    return { stored: weight, outcome, agreed: before }
  }
  await requireFiniteWeight(`'${name}'`, weight, reference, slice)
  if (use === undefined) return kept(weight, task, before, 'no rule names it')
  if (use.length === 0) return kept(weight, task, before, 'the recipe leaves it')
  if (weight.dims.length < 2) return kept(weight, task, before, 'a vector does not fit blocks')
  if (before.fell !== null) return fellBack(weight, task, before, before.fell)
  try {
    const { stored, steps } = await runSteps(weight, use, task)
    const outcome = { outcome: 'compressed', steps: use.map(({ label }) => label) } as const
    return { stored, outcome, agreed: { ...before, steps } }
  } catch (error) {
    if (strict || !(error instanceof TersorError)) throw error
    return fellBack(weight, task, before, error.message)
  }
}

async function runSteps(
  weight: Tensor | Encoded,
  use: readonly CheckedStep[],
  { name, seed, statistics = {}, slice, signal }: WeightTask,
): Promise<{ stored: Tensor | Encoded; steps: Json[] }> {
  const rng = rngOf(seed, name)
  const steps: Json[] = []
  let result = weight
  for (const [i, { method, options }] of use.entries()) {
    for (const need of method.needs) {
      if (need !== 'start' && statistics[need] === undefined) {
        throw new UnsupportedError(
          `[compress/job] expected a weight that a linear layer alone reads for ${method.name}, got '${name}', of whose inputs there are no statistics; give it a rule of its own with another method`,
        )
      }
    }
    const agreed = slice?.agreed?.steps[i]
    const context = { name, original: weight, statistics, rng, device: reference, signal, agreed }
    const made = await method.apply(result, options as never, context)
    if (slice !== undefined) steps.push(method.rowwise?.agree?.(made, agreed) ?? null)
    result = made
    if (!sameDims(result.dims, weight.dims)) {
      throw new ShapeError(
        `[compress/job] expected ${method.name} to give [${weight.dims}] for '${name}', got [${result.dims}]`,
      )
    }
  }
  return { stored: result, steps }
}

/** A generator of its own for each weight and stage, so that its numbers depend on no other. */
export function rngOf(seed: number, name: string): Rng {
  const digest = crypto().createHash('sha256').update(`${seed} ${name}`).digest()
  return new Rng([0, 4, 8, 12].map(at => digest.readUInt32LE(at)) as [number, number, number, number])
}

function skipped(reason: string): Outcome {
  return { outcome: 'skipped', reason }
}

/** A weight in float16, or as it is where the recipe says so, where float16 is no smaller, or where it cannot hold it. */
function kept(
  weight: Tensor | Encoded,
  { otherwise }: WeightTask,
  before: Agreed,
  why: string,
): CompressedWeight {
  const narrow = before.narrow && otherwise === 'float16' && fitsFloat16(weight)
  const stored = narrow ? cast(weight as Tensor, 'float16') : weight
  const type = isEncoded(stored) ? `${stored.encoding.kind} encoding` : stored.type
  return { stored, outcome: skipped(`${why}; kept in ${type}`), agreed: { ...before, narrow } }
}

function fellBack(
  weight: Tensor | Encoded,
  task: WeightTask,
  before: Agreed,
  reason: string,
): CompressedWeight {
  const { stored, agreed } = kept(weight, task, before, '')
  const outcome = { outcome: 'fellBack', method: task.otherwise, reason } as const
  return { stored, outcome, agreed: { ...agreed, steps: [], fell: reason } }
}

function fitsFloat16(weight: Tensor | Encoded): boolean {
  if (isEncoded(weight) || (weight.type !== 'float32' && weight.type !== 'float64')) return false
  return numbersOf(weight).every(value => !(Math.abs(value as number) > MAX_FLOAT16))
}
