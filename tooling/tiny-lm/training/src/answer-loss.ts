import type { Tensor } from '@tersor/core-tensor'
import { crossEntropy, llamaStates, trainingRows } from '@tersor/distill'
import type { Decoder } from '@tersor/models'
import type { Corpus } from 'tiny-lm-corpus'

/** Tokens of the windows that are looked at. */
const LENGTH = 1024

/**
 * What a model loses on text that it never saw.
 *
 * @param windows  of 1,024 tokens
 * @returns nats a token, all alike, and nats a token of answers
 */
export function answerLoss(
  model: Decoder,
  corpus: Corpus,
  windows: number,
): { loss: number; answers: number } {
  const sums = { all: 0, answers: 0 }
  const counts = { all: 0, answers: 0 }
  for (let index = 0; index < windows; index++) {
    const rows = trainingRows([corpus.window(index, LENGTH)])
    model.device.scope(() => {
      const { logits } = llamaStates(model.config, model.weights as ReadonlyMap<string, Tensor>, rows)
      for (const [kind, counted] of [
        ['all', rows.weights.map(weight => (weight > 0 ? 1 : 0))],
        ['answers', rows.weights.map(weight => (weight === 1 ? 1 : 0))],
      ] as const) {
        sums[kind] += crossEntropy(logits, rows.targets, { weights: counted, total: 1 }).loss
        counts[kind] += counted.reduce((a, b) => a + b, 0)
      }
    })
  }
  const mean = (kind: 'all' | 'answers') => Number((sums[kind] / counts[kind]).toFixed(4))
  return { loss: mean('all'), answers: mean('answers') }
}
