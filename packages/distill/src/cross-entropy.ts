import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { reduce, softmax } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/** What a loss of rows says: the loss, and how it changes with each input. */
export interface Loss {
  readonly loss: number
  /** Of the shape of what the loss was taken of. */
  readonly gradient: Tensor
}

export interface CrossEntropyOptions {
  /** (rows) how much each row counts; 1 by default, 0 leaves it out. */
  weights?: ArrayLike<number>
  /** What the weighted sum is divided by; the sum of the weights by default. Pass it when a batch comes in parts. */
  total?: number
}

/**
 * Mean cross-entropy of rows of logits, Σ wᵢ·(logsumexp(zᵢ) − zᵢ[tᵢ]) / Σ wᵢ, in nats, and its
 * gradient wᵢ·(softmax(zᵢ) − onehot(tᵢ)) / Σ wᵢ.
 *
 * @param logits  (rows, vocabulary)
 * @param targets  (rows) entries of the vocabulary
 * @throws {ShapeError} when lengths differ, or a target of weight is outside the vocabulary
 * @example
 * const logits = new Tensor('float32', [0, 0], [1, 2])
 * const { loss, gradient } = crossEntropy(logits, Int32Array.of(1))
 * loss // => ≈ 0.693
 * gradient.data // => Float32Array [0.5, -0.5]
 */
export function crossEntropy(
  logits: Tensor,
  targets: ArrayLike<number>,
  { weights, total }: CrossEntropyOptions = {},
): Loss {
  const [rows = 0, columns = 0] = logits.dims
  if (logits.dims.length !== 2 || targets.length !== rows || (weights && weights.length !== rows)) {
    throw new ShapeError(
      `[distill/cross-entropy] expected logits (rows, vocabulary) and as many targets and weights, ` +
        `got [${logits.dims}], ${targets.length} and ${weights?.length ?? 'none'}`,
    )
  }
  const divisor = total ?? totalWeight(rows, weights)
  const gradient = softmax(logits)
  const [tops, largest] = logits.device.scope(() =>
    [logits, gradient].map(x => Float64Array.from(floatData(reduce('max', x, { axis: 1 }), where))),
  ) as [Float64Array, Float64Array]
  const scores = floatData(logits, where)
  const slopes = floatData(gradient, where)
  let sum = 0
  for (let row = 0; row < rows; row++) {
    const weight = weights === undefined ? 1 : weights[row]!
    const start = row * columns
    if (weight === 0) {
      slopes.fill(0, start, start + columns)
      continue
    }
    const target = targets[row]!
    if (!(Number.isInteger(target) && target >= 0 && target < columns)) {
      throw new ShapeError(
        `[${where}] expected targets from 0 to ${columns - 1}, got ${target} in row ${row}`,
      )
    }
    // The largest probability is exp(max − logsumexp), and never too small for its logarithm.
    sum += weight * (tops[row]! - Math.log(largest[row]!) - scores[start + target]!)
    const scale = weight / divisor
    for (let i = start; i < start + columns; i++) slopes[i]! *= scale
    slopes[start + target]! -= scale
  }
  return { loss: divisor === 0 ? 0 : sum / divisor, gradient }
}

const where = 'distill/cross-entropy'

function totalWeight(rows: number, weights: ArrayLike<number> | undefined): number {
  if (weights === undefined) return rows
  let sum = 0
  for (let row = 0; row < rows; row++) sum += weights[row]!
  return sum
}
