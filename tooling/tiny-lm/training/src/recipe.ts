import { type TrainOptions, trapezoidal } from '@tersor/distill'
import { configFromHuggingFace, type DecoderConfig } from '@tersor/models'
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
  /** The `config.json` of its model. */
  readonly json: Readonly<Record<string, string | number | boolean>>
  readonly config: DecoderConfig
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

/** A model of heads of 32. */
function modelOf(own: Recipe['json']): Pick<Recipe, 'json' | 'config'> {
  const json = {
    ...{ model_type: 'llama', head_dim: 32, vocab_size: 1024, max_position_embeddings: 1024 },
    ...{ rope_theta: 50_000, rms_norm_eps: 1e-5, hidden_act: 'silu', tie_word_embeddings: true },
    ...own,
  }
  return { json, config: configFromHuggingFace(json) }
}

/**
 * The bundled model, 1.54 million parameters; a quarter of it; and a mixture of experts of 1.69 million, of
 * which a token uses 1.08 million.
 */
export const recipes = {
  model: {
    ...modelOf({
      ...{ num_hidden_layers: 8, num_attention_heads: 4, num_key_value_heads: 4 },
      ...{ hidden_size: 128, intermediate_size: 288 },
    }),
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
    ...modelOf({
      ...{ num_hidden_layers: 4, num_attention_heads: 2, num_key_value_heads: 2 },
      ...{ hidden_size: 64, intermediate_size: 288 },
    }),
    steps: 800,
    short: 400,
    mixtures: [[0, shares]],
    coolDown: 0.5,
  },
  moe: {
    ...modelOf({
      ...{ model_type: 'mixtral', num_local_experts: 4, num_experts_per_tok: 2 },
      ...{ num_hidden_layers: 5, num_attention_heads: 4, num_key_value_heads: 4 },
      ...{ hidden_size: 128, intermediate_size: 160 },
    }),
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
