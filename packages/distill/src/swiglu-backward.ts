import { kernel, ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { unary } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/**
 * Gradients of a = silu(g) ⊙ u (Shazeer, 2020, arXiv:2002.05202), with σ = 1/(1 + exp(−g)):
 * dg = da·u·σ·(1 + g·(1 − σ)) and du = da·g·σ. Also gives `a` again, which then need not be kept.
 *
 * The exponentials are a kernel's; the rest is one plain loop, where kernels would take ten passes.
 *
 * @param gate  (tokens, hidden) g
 * @param up  (tokens, hidden) u
 * @param da  (tokens, hidden)
 * @returns the gradients and the value, each (tokens, hidden)
 * @throws {ShapeError} when the shapes differ
 */
export const swigluBackward = /* @__PURE__ */ kernel('swigluBackward', swigluBackwardReference)

function swigluBackwardReference(
  gate: Tensor,
  up: Tensor,
  da: Tensor,
): { gateGradient: Tensor; upGradient: Tensor; value: Tensor } {
  if (!sameDims(gate.dims, up.dims) || !sameDims(gate.dims, da.dims)) {
    throw new ShapeError(
      `[distill/swiglu-backward] expected three tensors of one shape, got [${gate.dims}], [${up.dims}] and [${da.dims}]`,
    )
  }
  const { device } = gate
  const gateGradient = unary('neg', gate)
  unary('exp', gateGradient, { out: gateGradient })
  const upGradient = device.empty(da.type, da.dims)
  const value = device.empty(da.type, da.dims)
  const where = 'distill/swiglu-backward'
  const g = floatData(gate, where)
  const u = floatData(up, where)
  const given = floatData(da, where)
  const dg = floatData(gateGradient, where)
  const du = floatData(upGradient, where)
  const a = floatData(value, where)
  for (let i = 0; i < g.length; i++) {
    const sigma = 1 / (1 + dg[i]!)
    const silu = g[i]! * sigma
    const slope = given[i]!
    a[i] = silu * u[i]!
    du[i] = slope * silu
    dg[i] = slope * u[i]! * (sigma + silu * (1 - sigma))
  }
  return { gateGradient, upGradient, value }
}
