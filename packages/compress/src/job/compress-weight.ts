import {
  type Encoded,
  isEncoded,
  isFloat,
  type JobOptions,
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
}

/**
 * Runs the steps of a recipe on one weight, each on what the one before it gave.
 *
 * @throws {NumericalError} for a weight that is not finite, naming the place
 * @throws {TersorError} whatever a method throws, when `strict`
 */
export async function compressWeight(
  weight: Tensor | Encoded,
  task: WeightTask,
): Promise<{ stored: Tensor | Encoded; outcome: Outcome }> {
  const { name, use, otherwise, strict } = task
  if (!isFloat(weight.type))
    return { stored: weight, outcome: skipped(`${weight.type} numbers are kept as they are`) }
  await requireFiniteWeight(`'${name}'`, weight, reference)
  if (use === undefined) return kept(weight, otherwise, 'no rule names it')
  if (use.length === 0) return kept(weight, otherwise, 'the recipe leaves it')
  if (weight.dims.length < 2) return kept(weight, otherwise, 'a vector does not fit blocks')
  try {
    const stored = await runSteps(weight, use, task)
    return { stored, outcome: { outcome: 'compressed', steps: use.map(({ label }) => label) } }
  } catch (error) {
    if (strict || !(error instanceof TersorError)) throw error
    const { stored } = kept(weight, otherwise, '')
    return { stored, outcome: { outcome: 'fellBack', method: otherwise, reason: error.message } }
  }
}

async function runSteps(
  weight: Tensor | Encoded,
  use: readonly CheckedStep[],
  { name, seed, statistics = {}, signal }: WeightTask,
): Promise<Tensor | Encoded> {
  const rng = rngOf(seed, name)
  let result = weight
  for (const { method, options } of use) {
    for (const need of method.needs) {
      if (need !== 'start' && statistics[need] === undefined) {
        throw new UnsupportedError(
          `[compress/job] expected a weight that a linear layer alone reads for ${method.name}, got '${name}', of whose inputs there are no statistics; give it a rule of its own with another method`,
        )
      }
    }
    const context = { name, original: weight, statistics, rng, device: reference, signal }
    result = await method.apply(result, options as never, context)
    if (!sameDims(result.dims, weight.dims)) {
      throw new ShapeError(
        `[compress/job] expected ${method.name} to give [${weight.dims}] for '${name}', got [${result.dims}]`,
      )
    }
  }
  return result
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
  otherwise: 'float16' | 'keep',
  why: string,
): { stored: Tensor | Encoded; outcome: Outcome } {
  const stored = otherwise === 'float16' && fitsFloat16(weight) ? cast(weight, 'float16') : weight
  const type = isEncoded(stored) ? `${stored.encoding.kind} encoding` : stored.type
  return { stored, outcome: skipped(`${why}; kept in ${type}`) }
}

function fitsFloat16(weight: Tensor | Encoded): weight is Tensor {
  if (isEncoded(weight) || (weight.type !== 'float32' && weight.type !== 'float64')) return false
  return numbersOf(weight).every(value => !(Math.abs(value as number) > MAX_FLOAT16))
}
