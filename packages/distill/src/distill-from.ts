import { ShapeError } from '@tersor/core-tensor'
import type { Decoder } from '@tersor/models'
import { crossEntropy } from './cross-entropy.ts'
import { denseWeights } from './dense-weights.ts'
import { floatData } from './float-data.ts'
import { forwardKl } from './forward-kl.ts'
import type { Objective } from './llama-gradients.ts'
import { llamaStates } from './llama-states.ts'
import { reverseKl } from './reverse-kl.ts'

export interface DistillFromOptions {
  /** T of both distributions; 2 by default. */
  temperature?: number | undefined
  /** The share of the cross-entropy with the text, α; the teacher has 1 − α. 0.5 by default. */
  textShare?: number | undefined
  /** `forward`, by default, or `reverse`. */
  direction?: 'forward' | 'reverse' | undefined
}

/**
 * The standard mix of distillation (Hinton, Vinyals and Dean, 2015, arXiv:1503.02531): α · cross-entropy +
 * (1 − α) · T² · KL from a teacher, which reads the same windows. Rows weigh the same in both.
 *
 * @param teacher  of the student's vocabulary, with float weights, on the student's device
 * @returns an objective for `llamaGradients` and `train`
 * @throws {ShapeError} for a share outside 0 to 1
 */
export function distillFrom(
  teacher: Decoder,
  { temperature = 2, textShare = 0.5, direction = 'forward' }: DistillFromOptions = {},
): Objective {
  const where = 'distill/distill-from'
  if (!(textShare >= 0 && textShare <= 1) || !(temperature > 0)) {
    throw new ShapeError(
      `[${where}] expected a text share from 0 to 1 and a temperature above 0, got ${textShare} and ${temperature}`,
    )
  }
  const weights = denseWeights(teacher)
  return {
    logits(logits, rows, total) {
      const divergence = direction === 'forward' ? forwardKl : reverseKl
      return logits.device.scope(() => {
        const said = llamaStates(teacher.config, weights, rows).logits
        const options = { weights: rows.weights, total }
        const soft = divergence(logits, said, { ...options, temperature })
        if (textShare === 0) return soft
        const hard = crossEntropy(logits, rows.targets, options)
        const slopes = floatData(soft.gradient, where)
        const text = floatData(hard.gradient, where)
        for (let i = 0; i < slopes.length; i++) {
          slopes[i] = textShare * text[i]! + (1 - textShare) * slopes[i]!
        }
        return { loss: textShare * hard.loss + (1 - textShare) * soft.loss, gradient: soft.gradient }
      })
    },
  }
}
