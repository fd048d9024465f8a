import type { Tensor } from '@tersor/core-tensor'
import { reduce, softmax } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/** Rows of logits as a distribution at a temperature. */
export interface Softened {
  /** (rows, columns) softmax(z / T) */
  readonly probabilities: Tensor
  /** (rows) logsumexp(z / T): log-probabilities are z / T less that. */
  readonly logSums: Float64Array
}

/** Probabilities of rows of logits, and what makes logarithms of them without taking one for each. */
export function softened(logits: Tensor, temperature = 1): Softened {
  const where = 'distill/softened'
  const { device } = logits
  let divided = logits
  if (temperature !== 1) {
    divided = device.empty(logits.type, logits.dims)
    const to = floatData(divided, where)
    const from = floatData(logits, where)
    for (let i = 0; i < to.length; i++) to[i] = from[i]! / temperature
  }
  const probabilities = softmax(divided)
  const logSums = device.scope(() => {
    const largest = Float64Array.from(floatData(reduce('max', probabilities, { axis: 1 }), where))
    const tops = floatData(reduce('max', divided, { axis: 1 }), where)
    // The largest probability is exp(top − logsumexp), and never too small for its logarithm.
    return largest.map((p, row) => tops[row]! - Math.log(p))
  })
  if (divided !== logits) divided.dispose()
  return { probabilities, logSums }
}
