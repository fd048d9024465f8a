import { ShapeError, type Tensor } from '@tersor/core-tensor'
import { binary, rmsNorm } from '@tersor/core-tensor/reference'
import { activate } from './activation.ts'
import { columns } from './columns.ts'
import type { PerLayer } from './config.ts'
import { constant } from './constant.ts'
import type { LayerPass } from './layer.ts'
import { EMBEDDING, inLayer } from './roles.ts'
import { rowsOf } from './rows-of.ts'

/**
 * output(act(gate(x)) ⊙ e), where e is the tokens' own embedding for this layer, as Gemma 3n and 4 have it:
 * (norm(projection(embedding)) + √size · perLayerEmbedding) / √2.
 */
export function runPerLayer({ activation }: PerLayer, x: Tensor, pass: LayerPass): Tensor {
  const { weights, layer, taps } = pass
  const role = (name: string) => inLayer(layer, `perLayer.${name}`)
  taps?.linear?.([role('gate')], x)
  using inner = weights.device.scope(() =>
    binary('mul', activate(weights.linear(x, role('gate')), activation), embeddingOf(pass)),
  )
  taps?.linear?.([role('output')], inner)
  return weights.device.scope(() => weights.linear(inner, role('output')))
}

/** (tokens, size) */
function embeddingOf({ weights, config, layer, tokens }: LayerPass): Tensor {
  const { device } = weights
  const { size, vocabSize } = config.perLayer!
  if (tokens === undefined) {
    throw new ShapeError(
      '[models/decoder] expected the tokens of a block, as this model has an embedding for each layer, got none; pass `tokens`',
    )
  }
  const number = (value: number) => constant(device, value)
  const known = tokens.map(token => (token < vocabSize ? token : 0))
  const own = columns(rowsOf(weights, 'perLayer.embedding', known), layer, size)
  let x = rowsOf(weights, EMBEDDING, tokens)
  if (config.embedding.scale !== undefined) x = binary('mul', x, number(config.embedding.scale))
  const all = weights.linear(x, 'perLayer.projection')
  const scaled = binary('mul', columns(all, layer, size), number(1 / Math.sqrt(config.hiddenSize)))
  const gain = weights.tensor('perLayer.norm')
  const projected = rmsNorm(scaled, gain, { epsilon: config.norm.epsilon })
  const sum = binary('add', projected, binary('mul', own, number(Math.sqrt(size))))
  return binary('mul', sum, number(Math.SQRT1_2))
}
