import type { Recipe } from '@tersor/compress'
import type { Decoder } from '@tersor/models'
import { methods } from '../method-lists.ts'
import { demoRecipes, quickRecipes } from './demo-recipes.ts'

/** Tokens of the forward pass that is timed. */
const PROBE = 64
/** Single tokens that are timed behind it. */
const STEPS = 8
/** The part of the time that goes into text: what is drawn, and what every file is evaluated on. */
const FOR_TEXT = 0.5
/** Fewer tokens say nothing. */
const FEWEST_TOKENS = 128
/** What calibrating, or searching the range of a group, takes of one thread for a weight; a rough figure, for what would take far too long. */
const SECONDS_A_WEIGHT = 5e-6

/** How long a demonstration may take, and what fits. */
export interface Budget {
  readonly minutes: number
  /** Of evaluation text. */
  readonly tokens: number
  readonly recipes: readonly Recipe[]
  /** What would take too long. */
  readonly leftOut: readonly string[]
}

/** How fast a model runs here, in tokens a second: many at once, and one by one. */
export interface Speed {
  readonly prefill: number
  readonly decode: number
}

/** Times a short forward pass and some single tokens behind it. */
export async function speedOf(model: Decoder, signal: AbortSignal): Promise<Speed> {
  const { contextLength, vocabSize } = model.config
  const steps = Math.min(STEPS, Math.floor(contextLength / 2))
  const count = Math.max(1, Math.min(PROBE, contextLength - steps))
  const tokens = Int32Array.from({ length: count }, (_, i) => i % Math.min(7, vocabSize))
  const cache = model.createCache({ length: count + steps })
  const timed = async (ids: Int32Array) => {
    const begin = performance.now()
    const { logits } = await model.forward(ids, { cache, signal })
    logits?.dispose()
    return (performance.now() - begin) / 1000
  }
  await timed(tokens.subarray(0, 1))
  cache.truncate(0)
  const prefill = tokens.length / (await timed(tokens))
  let seconds = 0
  for (let step = 0; step < steps; step++) seconds += await timed(tokens.subarray(0, 1))
  cache.dispose()
  return { prefill, decode: steps / seconds }
}

/**
 * What of a demonstration fits into some minutes: recipes that calibrate or search ranges where all of them do, else those
 * that round alone, and as much text as the rest of the time allows.
 */
export function fitBudget(
  minutes: number,
  tokens: number,
  { prefill, decode }: Speed,
  parameters: number,
  names: readonly string[],
): Budget {
  const recipes = demoRecipes(names)
  const seconds = 60 * minutes
  const slow = recipes.filter(isSlow)
  const fits = slow.length * parameters * SECONDS_A_WEIGHT < (1 - FOR_TEXT) * seconds
  const kept = fits ? recipes : quickRecipes(names)
  const perToken = (kept.length + 1) / prefill + 1 / decode
  const most = Math.floor((FOR_TEXT * seconds) / perToken)
  return {
    minutes,
    tokens: Math.max(FEWEST_TOKENS, Math.min(tokens, most)),
    recipes: kept,
    leftOut: fits
      ? []
      : recipes.map(({ name }) => name).filter(name => !kept.some(each => each.name === name)),
  }
}

/** Whether a recipe calibrates or searches ranges. */
function isSlow({ rules }: Recipe): boolean {
  const steps = rules.flatMap(({ use }) => use)
  return steps.some(step => step.range === 'mse' || isCalibrated(step.method))
}

function isCalibrated(name: string): boolean {
  return (methods.find(method => method.name === name)?.needs.length ?? 0) > 0
}
