import { requireHost, type Tensor } from '@tersor/core-tensor'
import { binary, gather, matmul, scatterAdd } from '@tersor/core-tensor/reference'
import { type ExpertRoutes, routeTokens } from '@tersor/models'
import { swiglu } from './swiglu.ts'

/** A tensor for each weight of a mixture of experts: the weights themselves, or their gradients. */
export interface ExpertTensors {
  /** (experts, d) */
  readonly router: Tensor
  /** gate and up (hidden, d), down (d, hidden) of each expert */
  readonly experts: readonly { readonly gate: Tensor; readonly up: Tensor; readonly down: Tensor }[]
}

/** Where the tokens of a pass went, and why. */
export interface ExpertRouting extends ExpertRoutes {
  /** (tokens, experts) */
  readonly logits: Tensor
}

/**
 * A mixture of experts (Jiang et al., 2024, Mixtral, arXiv:2401.04088): with l = h·routerᵀ, a token says
 * y = Σ wₑ · downₑ(silu(gateₑ(h)) ⊙ upₑ(h)) over the k experts with its largest l, w their softmax.
 *
 * The rows of an expert lie side by side, so that it is three products, however its tokens are spread.
 *
 * @param h  (tokens, d)
 * @param options.perToken  k
 * @returns y (tokens, d), and what {@link expertsBackward} needs: gate and up (tokens · k, hidden), expert by
 *   expert, and the routing
 * @throws {ShapeError} when the shapes do not fit
 */
export function expertsForward(
  h: Tensor,
  { router, experts }: ExpertTensors,
  { perToken }: { perToken: number },
): { y: Tensor; gate: Tensor; up: Tensor; routing: ExpertRouting } {
  requireHost(h, 'distill/experts-forward')
  const { device } = h
  return device.scope(() => {
    const logits = matmul(h, router, { transposeB: true, order: 'sequential' }) // as the runtime has it
    const routes = routeTokens(logits, { perToken })
    const x = gather(h, routes.tokens, { axis: 0 }) // (tokens · k, d)
    const rows = x.dims[0]!
    const hidden = experts[0]!.gate.dims[0]!
    const gate = device.empty(h.type, [rows, hidden])
    const up = device.empty(h.type, [rows, hidden])
    const said = device.empty(h.type, x.dims)
    for (const { expert, from, to } of usedExperts(routes)) {
      const weights = experts[expert]!
      const [seen, opened, raised] = [x, gate, up].map(t => t.rows(from, to)) as [Tensor, Tensor, Tensor]
      matmul(seen, weights.gate, { transposeB: true, out: opened })
      matmul(seen, weights.up, { transposeB: true, out: raised })
      device.scope(() => {
        matmul(swiglu(opened, raised), weights.down, { transposeB: true, out: said.rows(from, to) })
      })
    }
    const y = device.empty(h.type, h.dims)
    scatterAdd(binary('mul', said, routes.weights), routes.tokens, { out: y, axis: 0 })
    return { y, gate, up, routing: { ...routes, logits } }
  })
}

/** The experts that some token chose, with their rows. */
export function usedExperts({ borders }: ExpertRoutes): { expert: number; from: number; to: number }[] {
  return Array.from({ length: borders.length - 1 }, (_, expert) => ({
    expert,
    from: borders[expert]!,
    to: borders[expert + 1]!,
  })).filter(({ from, to }) => from < to)
}
