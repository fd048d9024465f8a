import type { Tensor } from '@tersor/core-tensor'
import { softmax } from '@tersor/core-tensor/reference'
import { llamaStates, type TrainingWindow, trainingRows } from '@tersor/distill'
import type { Decoder } from '@tersor/models'

/** Cross-entropy of the token after each of a window, in nats; meaningless at the ends of documents. */
export function tokenLosses(model: Decoder, window: TrainingWindow): Float64Array {
  const rows = trainingRows([window])
  return model.device.scope(() => {
    const { logits } = llamaStates(model.config, model.weights as ReadonlyMap<string, Tensor>, rows)
    const probabilities = softmax(logits).data as Float32Array
    const columns = model.config.vocabSize
    return Float64Array.from(rows.targets, (target, row) => -Math.log(probabilities[row * columns + target]!))
  })
}
