import { kernel, type Loss, type RowWeights, ShapeError, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import { totalWeight } from './row-loss.ts'
import { softened } from './softened.ts'

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
export const crossEntropy = /* @__PURE__ */ kernel('crossEntropy', crossEntropyReference)

function crossEntropyReference(
  logits: Tensor,
  targets: ArrayLike<number>,
  { weights, total }: RowWeights = {},
): Loss {
  const [rows = 0, columns = 0] = logits.dims
  if (logits.dims.length !== 2 || targets.length !== rows || (weights && weights.length !== rows)) {
    throw new ShapeError(
      `[distill/cross-entropy] expected logits (rows, vocabulary) and as many targets and weights, ` +
        `got [${logits.dims}], ${targets.length} and ${weights?.length ?? 'none'}`,
    )
  }
  const divisor = totalWeight(rows, { weights, total })
  const { probabilities: gradient, logSums } = softened(logits)
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
    sum += weight * (logSums[row]! - scores[start + target]!)
    const scale = weight / divisor
    for (let i = start; i < start + columns; i++) slopes[i]! *= scale
    slopes[start + target]! -= scale
  }
  return { loss: divisor === 0 ? 0 : sum / divisor, gradient }
}

const where = 'distill/cross-entropy'
