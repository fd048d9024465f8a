import { requireHost, ShapeError, Tensor } from '@tersor/core-tensor'
import { softmax, topK } from '@tersor/core-tensor/reference'

export interface RouteOptions {
  /** How many experts a token chooses. */
  perToken: number
  /** Whether a token's shares add up to 1; true by default, else they are those among all experts. */
  normalise?: boolean | undefined
}

/** Which tokens go to which experts: a row for each choice, expert by expert. */
export interface ExpertRoutes {
  /** (tokens · perToken) int32: whose choice each row is; ascending within an expert. */
  readonly tokens: Tensor
  /** (tokens · perToken, 1) how much the expert's word counts for that token. */
  readonly weights: Tensor
  /** (experts + 1) where the rows of each expert begin, then the number of rows. */
  readonly borders: Int32Array
}

/**
 * Top-k routing of a mixture of experts as Mixtral has it (Jiang et al., 2024, arXiv:2401.04088, after Shazeer et al.,
 * 2017, arXiv:1701.06538): a token chooses the experts with its k largest logits, of equals the first, and weighs
 * what they say by the softmax over these k, or over all.
 *
 * Which expert a token takes depends on its own logits only; there is no capacity beyond which tokens are
 * dropped. `gather` by `tokens` puts the rows of an expert side by side, `scatterAdd` brings them back.
 *
 * @param logits  (tokens, experts) on a host device, as the routes depend on their values
 * @param options.perToken  k
 * @param options.normalise  whether a token's shares add up to 1; true by default
 * @throws {ShapeError} unless k is from 1 to the number of experts
 * @example
 * const logits = new Tensor('float32', [5, 0, 5, 0, 5, 5], [2, 3])
 * const { tokens, weights, borders } = routeTokens(logits, { perToken: 2 })
 * borders // => Int32Array [0, 1, 2, 4]
 * tokens.data // => Int32Array [0, 1, 0, 1]
 * weights.data // => Float32Array [0.5, 0.5, 0.5, 0.5]
 */
export function routeTokens(logits: Tensor, { perToken, normalise = true }: RouteOptions): ExpertRoutes {
  requireHost(logits, 'models/route-tokens')
  const [count = 0, experts = 0] = logits.dims
  if (logits.dims.length !== 2 || !Number.isInteger(perToken) || perToken < 1 || perToken > experts) {
    throw new ShapeError(
      `[models/route-tokens] expected logits (tokens, experts) and 1 to experts choices, got [${logits.dims}] and ${perToken}`,
    )
  }
  const { device } = logits
  return device.scope(() => {
    const { indices } = topK(logits, { k: perToken })
    const among = normalise ? softmax(chosenLogits(logits, indices)) : chosenLogits(softmax(logits), indices)
    const shares = among.data as Float32Array | Float64Array
    const chosen = indices.data as Int32Array
    const borders = new Int32Array(experts + 1)
    for (const expert of chosen) borders[expert + 1]!++
    for (let expert = 0; expert < experts; expert++) borders[expert + 1]! += borders[expert]!
    // A counting sort: tokens come in order, so each expert's rows do.
    const next = borders.slice(0, experts)
    const tokens = new Int32Array(count * perToken)
    const weights = shares.slice()
    chosen.forEach((expert, choice) => {
      const row = next[expert]!++
      tokens[row] = Math.floor(choice / perToken)
      weights[row] = shares[choice]!
    })
    return {
      tokens: device.upload(new Tensor('int32', tokens, [tokens.length])),
      weights: device.upload(new Tensor(logits.type, weights, [weights.length, 1])),
      borders,
    }
  })
}

/** (tokens, k) the logits at the indices; `topK` has them in float32 only. */
function chosenLogits(logits: Tensor, indices: Tensor): Tensor {
  const out = logits.device.empty(logits.type, indices.dims)
  const [experts, k] = [logits.dims[1]!, indices.dims[1]!]
  const from = logits.data as Float32Array | Float64Array
  const to = out.data as Float32Array | Float64Array
  const at = indices.data as Int32Array
  for (let i = 0; i < to.length; i++) to[i] = from[Math.floor(i / k) * experts + at[i]!]!
  return out
}
