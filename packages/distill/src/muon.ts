import { ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import { newtonSchulz } from './newton-schulz.ts'

export interface MuonOptions {
  /** η */
  rate: number
  /** μ, 0.95 by default. */
  momentum?: number
  /** λ, 0 by default: the weight shrinks by η·λ of itself. */
  weightDecay?: number
  /** Of Newton and Schulz; 5 by default. */
  iterations?: number
}

/**
 * One step of Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon), in place: the step is made
 * orthogonal, so that every direction of a matrix learns at the same rate.
 *
 *     M ← μ·M + G,   W ← W − η·(λ·W + √max(1, rows / columns) · orthogonal(G + μ·M)).
 *
 * For the matrices of a transformer. Embeddings, heads and norms are not maps of one hidden state to
 * another: {@link adamW}. A rate of 0.02 fits most sizes.
 *
 * @param weight  (rows, columns) is changed
 * @param options.state.momentum  M, zeros before the first step; changed
 * @throws {ShapeError} when the shapes differ, or for anything but a matrix
 */
export function muon(
  weight: Tensor,
  gradient: Tensor,
  options: MuonOptions & { state: { momentum: Tensor } },
): void {
  const { state, rate, momentum = 0.95, weightDecay = 0, iterations = 5 } = options
  const [rows = 0, columns = 0] = weight.dims
  if (!sameDims(gradient.dims, weight.dims) || !sameDims(state.momentum.dims, weight.dims)) {
    throw new ShapeError(
      `[distill/muon] expected a gradient and a momentum of [${weight.dims}], got [${gradient.dims}] and [${state.momentum.dims}]`,
    )
  }
  const where = 'distill/muon'
  weight.device.scope(() => {
    const ahead = weight.device.empty(weight.type, weight.dims)
    const g = floatData(gradient, where)
    const held = floatData(state.momentum, where)
    const sum = floatData(ahead, where)
    for (let i = 0; i < g.length; i++) {
      held[i] = momentum * held[i]! + g[i]!
      sum[i] = g[i]! + momentum * held[i]!
    }
    const step = newtonSchulz(ahead, { iterations })
    const w = floatData(weight, where)
    const u = floatData(step, where)
    const scale = rate * Math.sqrt(Math.max(1, rows / columns))
    const shrink = 1 - rate * weightDecay
    for (let i = 0; i < w.length; i++) w[i] = shrink * w[i]! - scale * u[i]!
  })
}
