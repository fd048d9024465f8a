import { ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'
import { newtonSchulz } from './newton-schulz.ts'

export interface MuonOptions {
  /** η */
  rate: number
  /** μ, 0.95 by default. */
  momentum?: number | undefined
  /** λ, 0 by default: the weight shrinks by η·λ of itself. */
  weightDecay?: number | undefined
  /** Of Newton and Schulz; 5 by default. */
  iterations?: number | undefined
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
  { state, ...options }: MuonOptions & { state: { momentum: Tensor } },
): void {
  muonAll([{ weight, gradient, momentum: state.momentum }], options)
}

/** A matrix with its gradient and M. */
export interface MuonMatrix {
  readonly weight: Tensor
  readonly gradient: Tensor
  readonly momentum: Tensor
}

/** A step of {@link muon} for many matrices, those of one shape together: small products keep no device busy. */
export function muonAll(matrices: readonly MuonMatrix[], options: MuonOptions): void {
  const byShape = new Map<string, MuonMatrix[]>()
  for (const matrix of matrices) {
    const { weight, gradient, momentum } = matrix
    if (
      weight.dims.length !== 2 ||
      !sameDims(gradient.dims, weight.dims) ||
      !sameDims(momentum.dims, weight.dims)
    ) {
      throw new ShapeError(
        `[distill/muon] expected a matrix, a gradient and a momentum of one shape, got [${weight.dims}], [${gradient.dims}] and [${momentum.dims}]`,
      )
    }
    const shape = `${weight.type} ${weight.dims}`
    const alike = byShape.get(shape)
    if (alike === undefined) byShape.set(shape, [matrix])
    else alike.push(matrix)
  }
  for (const alike of byShape.values()) stepTogether(alike, options)
}

function stepTogether(
  matrices: readonly MuonMatrix[],
  { rate, momentum = 0.95, weightDecay = 0, iterations = 5 }: MuonOptions,
): void {
  const where = 'distill/muon'
  const { device, type, dims, size } = matrices[0]!.weight
  const [rows = 0, columns = 0] = dims
  device.scope(() => {
    const ahead = device.empty(type, [matrices.length, ...dims])
    const sums = floatData(ahead, where)
    for (const [at, { gradient, momentum: m }] of matrices.entries())
      lookAhead(
        sums.subarray(at * size, (at + 1) * size),
        floatData(gradient, where),
        floatData(m, where),
        momentum,
      )
    const steps = floatData(newtonSchulz(ahead, { iterations }), where)
    const scale = rate * Math.sqrt(Math.max(1, rows / columns))
    for (const [at, { weight }] of matrices.entries())
      move(
        floatData(weight, where),
        steps.subarray(at * size, (at + 1) * size),
        scale,
        1 - rate * weightDecay,
      )
  })
}

type Floats = Float32Array | Float64Array

/** M ← μ·M + G, and G + μ·M. */
function lookAhead(ahead: Floats, gradient: Floats, held: Floats, momentum: number): void {
  for (let i = 0; i < gradient.length; i++) {
    held[i] = momentum * held[i]! + gradient[i]!
    ahead[i] = gradient[i]! + momentum * held[i]!
  }
}

function move(weight: Floats, step: Floats, scale: number, shrink: number): void {
  for (let i = 0; i < weight.length; i++) weight[i] = shrink * weight[i]! - scale * step[i]!
}
