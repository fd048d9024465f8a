import { kernel, type Tensor } from '@tersor/core-tensor'
import { binary, unary } from '@tersor/core-tensor/reference'

/**
 * silu(gate) ⊙ up, the gated activation of Llama (Shazeer, 2020, arXiv:2002.05202).
 *
 * @param gate  (tokens, hidden)
 * @param up  (tokens, hidden)
 * @returns (tokens, hidden)
 * @throws {ShapeError} when the shapes differ
 * @example
 * const gate = new Tensor('float32', [0, 100], [1, 2])
 * const up = new Tensor('float32', [5, 0.5], [1, 2])
 * swiglu(gate, up).data // => Float32Array [0, 50]
 */
export const swiglu = /* @__PURE__ */ kernel('swiglu', swigluReference)

function swigluReference(gate: Tensor, up: Tensor): Tensor {
  const value = unary('silu', gate)
  return binary('mul', value, up, { out: value })
}
