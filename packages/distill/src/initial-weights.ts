import { type Device, Rng, reference, Tensor } from '@tersor/core-tensor'
import { type DecoderConfig, isRouter, weightShapes } from '@tersor/models'
import { type LlamaShape, llamaShape } from './llama-shape.ts'

/**
 * Weights to begin training with: ones for norms; a deviation of 0.02 for embeddings, head and routers, which
 * then prefer hardly any expert, and of 1/√in for the matrices between, where those that write to the residual stream are divided by
 * √(2 · layers) (Radford et al., 2019), so that its variance does not grow with depth.
 *
 * @param options.seed  0 by default
 * @returns float32 tensors by their roles, on `device`, the reference by default
 * @example
 * import { configFromHuggingFace } from '@tersor/models'
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16, tie_word_embeddings: true,
 * })
 * initialWeights(config, { seed: 1 }).get('norm')?.data // => Float32Array [1, 1, 1, 1, 1, 1, 1, 1]
 */
export function initialWeights(
  config: DecoderConfig,
  { seed = 0, device = reference }: { seed?: number | undefined; device?: Device | undefined } = {},
): Map<string, Tensor> {
  const shape = llamaShape(config)
  const rng = new Rng(seed)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b, 1)
    const spread = dims.length === 1 ? undefined : deviation(name, dims[1]!, shape)
    const values = Float32Array.from({ length: size }, () =>
      spread === undefined ? 1 : spread * rng.normal(),
    )
    weights.set(name, device.upload(new Tensor('float32', values, dims)))
  }
  return weights
}

/** Of a matrix's first values. */
function deviation(name: string, columns: number, { layers }: LlamaShape): number {
  if (!name.startsWith('layers.') || isRouter(name)) return 0.02
  const writes = ['.output', '.down'].some(end => name.endsWith(end))
  return (writes ? 1 / Math.sqrt(2 * layers) : 1) / Math.sqrt(columns)
}
