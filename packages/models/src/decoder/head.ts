import type { Tensor } from '@tersor/core-tensor'
import { binary, unary } from '@tersor/core-tensor/reference'
import type { DecoderConfig } from './config.ts'
import { constant } from './constant.ts'
import type { ModelWeights } from './model-weights.ts'
import { EMBEDDING, HEAD } from './roles.ts'

/**
 * What the head makes of the last norm's result.
 *
 * @returns (tokens, vocabSize)
 */
export function logits(weights: ModelWeights, { head }: DecoderConfig, h: Tensor): Tensor {
  const { device } = weights
  return device.scope(() => {
    let x = weights.linear(h, head?.tied === true ? EMBEDDING : HEAD)
    if (head?.scale !== undefined) x = binary('mul', x, constant(device, head.scale), { out: x })
    return head?.softcap === undefined ? x : softcap(x, head.softcap)
  })
}

/** cap · tanh(x / cap) */
function softcap(x: Tensor, cap: number): Tensor {
  const small = binary('div', x, constant(x.device, cap), { out: x })
  return binary('mul', unary('tanh', small, { out: small }), constant(x.device, cap), { out: small })
}
