import { type TrainOptions, trapezoidal } from '@tersor/distill'
import type { LlamaConfig } from '@tersor/models'
import {
  Corpus,
  type CorpusOptions,
  crowdShares,
  holderShares,
  lastShares,
  mostlyStories,
  type Shares,
  shares,
  storyShares,
  taskShares,
  type Window,
} from 'tiny-lm-corpus'

/** What a run is, but for its seed. */
export interface Recipe {
  readonly config: LlamaConfig
  readonly steps: number
  /** Steps, the first ones, of short windows. */
  readonly short: number
  /** What the text is mixed of, and from which step on; the first one from the beginning. */
  readonly mixtures: readonly (readonly [from: number, shares: Shares])[]
  /** Share of the steps, the last ones, in which the rates fall to nothing. */
  readonly coolDown: number
  /** What the rates begin to fall from, as a share of their full size; 1 by default. */
  readonly coolDownFrom?: number | undefined
}

/** Tokens that a step learns from. */
const TOKENS_PER_STEP = 4096
/** Tokens of short windows and of long ones. */
const LENGTHS = [256, 1024] as const
/**
 * Half of Muon's usual rate, and a pull towards zero. On sums alone the loss after 160 steps is 1.48 at 0.02 without decay,
 * 1.42 with it, 1.24 at 0.01 with it, and 1.41 at 0.005.
 */
const MUON = { rate: 0.01, weightDecay: 0.1 } as const

const shape = {
  headDim: 32,
  vocabSize: 1024,
  contextLength: 1024,
  ropeBase: 50_000,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
} as const

/**
 * The bundled model, 1.54 million parameters; a quarter of it; and a mixture of experts of 1.69 million, of
 * which a token uses 1.08 million.
 */
export const recipes = {
  model: {
    config: { ...shape, layers: 8, heads: 4, kvHeads: 4, hiddenSize: 128, intermediateSize: 288 },
    steps: 9200,
    short: 2600,
    mixtures: [
      [0, shares],
      [1600, taskShares],
      [2400, storyShares],
      [4400, holderShares],
      [5200, mostlyStories],
      [6200, crowdShares],
      [8300, lastShares],
    ],
    coolDown: 4800 / 9200,
    coolDownFrom: 0.5,
  },
  mini: {
    config: { ...shape, layers: 4, heads: 2, kvHeads: 2, hiddenSize: 64, intermediateSize: 288 },
    steps: 800,
    short: 400,
    mixtures: [[0, shares]],
    coolDown: 0.5,
  },
  moe: {
    config: {
      ...shape,
      layers: 5,
      heads: 4,
      kvHeads: 4,
      hiddenSize: 128,
      intermediateSize: 160,
      experts: 4,
      expertsPerToken: 2,
    },
    steps: 1250,
    short: 700,
    mixtures: [[0, shares]],
    coolDown: 0.5,
  },
} as const satisfies Readonly<Record<string, Recipe>>

/** What each step of a run learns from. */
export function windowsOf(
  options: Pick<CorpusOptions, 'encoder' | 'seed'>,
  { short, mixtures }: Recipe,
): (step: number) => Window[] {
  const corpora = mixtures.map(([from, shares]) => ({ from, corpus: new Corpus({ ...options, shares }) }))
  return step => {
    const length = LENGTHS[step < short ? 0 : 1]
    const count = TOKENS_PER_STEP / length
    const { corpus } = corpora.findLast(({ from }) => from <= step)!
    return Array.from({ length: count }, (_, i) => corpus.window(step * count + i, length))
  }
}

/**
 * The windows and the rates of each step. Nothing before the rates fall depends on how long the run is: a checkpoint of a
 * shorter one can go on as a longer one.
 */
export function curriculum(
  corpus: Pick<CorpusOptions, 'encoder' | 'seed'>,
  recipe: Recipe,
  steps: number,
): Pick<TrainOptions, 'data' | 'muon' | 'schedule'> {
  const coolDown = Math.round(steps * recipe.coolDown)
  const rates = trapezoidal({ steps, coolDown, warmUp: Math.min(100, steps - coolDown) })
  const from = recipe.coolDownFrom ?? 1
  return {
    data: windowsOf(corpus, recipe),
    muon: MUON,
    schedule: step => (step < steps - coolDown ? 1 : from) * rates(step),
  }
}
