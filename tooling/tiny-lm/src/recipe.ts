import type { TrainOptions } from '@tersor/distill'
import type { LlamaConfig } from '@tersor/models'
import type { Corpus, Window } from 'corpus'

/** What a run is, but for its seed. */
export interface Recipe {
  readonly config: LlamaConfig
  readonly steps: number
}

/** Tokens that a step learns from. */
export const TOKENS_PER_STEP = 4096
/** Windows of the first half of a run, and of the second. */
export const LENGTHS = [256, 1024] as const
/** Bases of the rotary positions in either half: longer windows are learnt faster with slower rotations. */
export const ROPE_BASES = [10_000, 50_000] as const

const shape = {
  headDim: 32,
  vocabSize: 1024,
  contextLength: 1024,
  ropeBase: ROPE_BASES[0],
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
    steps: 5600,
  },
  mini: {
    config: { ...shape, layers: 4, heads: 2, kvHeads: 2, hiddenSize: 64, intermediateSize: 288 },
    steps: 2400,
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
    steps: 3000,
  },
} as const satisfies Readonly<Record<string, Recipe>>

/** Whether a step is of the first half of a run, 0, or of the second, 1. */
function halfOf(step: number, steps: number): 0 | 1 {
  return step < steps / 2 ? 0 : 1
}

/** What a step learns from. Windows of either length are numbered on their own. */
export function windowsOf(corpus: Corpus, step: number, steps: number): Window[] {
  const length = LENGTHS[halfOf(step, steps)]
  const count = TOKENS_PER_STEP / length
  return Array.from({ length: count }, (_, i) => corpus.window(step * count + i, length))
}

/** The windows and the rotary base of each step: half of the tokens in short windows, half in long ones. */
export function curriculum(corpus: Corpus, steps: number): Pick<TrainOptions, 'data' | 'ropeBase'> {
  return {
    data: step => windowsOf(corpus, step, steps),
    ropeBase: step => ROPE_BASES[halfOf(step, steps)],
  }
}
