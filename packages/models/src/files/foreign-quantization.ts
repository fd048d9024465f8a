/**
 * What other programs add to a weight that they quantize, as suffixes of tensors' names. Without what these hold, the
 * numbers beside them are not the weights.
 */
const SUFFIXES: readonly (readonly [suffix: string, writer: string])[] = [
  ['.codebooks', 'aqlm'],
  ['.qweight', 'gptq or awq'],
  ['.qzeros', 'gptq or awq'],
  ['.g_idx', 'gptq'],
  ['.weight_scale', 'fp8 or compressed-tensors'],
  ['.weight_scale_inv', 'fp8'],
  ['.weight_packed', 'compressed-tensors'],
  ['.bitmask', 'compressed-tensors'],
  ['.SCB', 'bitsandbytes'],
  ['.weight.absmax', 'bitsandbytes'],
  ['.weight.quant_map', 'bitsandbytes'],
  ['.W_q', 'hqq'],
  ['.weight._scale', 'quanto'],
  ['._weight_qdata', 'torchao'],
  ['_blocks', 'mxfp4'],
  ['.scales', 'mlx, gptq or awq'],
]

/**
 * How another program quantized a model, as it says itself: `fp8` of `quantization_config.quant_method`, or, where the
 * configuration says nothing, what the names of its tensors betray. Undefined for plain weights, and for Tersor's own.
 *
 * @param config  the parsed `config.json`, where there is one
 * @param names  what the weights are called
 */
export function foreignQuantization(config: unknown, names: readonly string[]): string | undefined {
  const { text_config: inside, ...whole } = (config ?? {}) as Record<string, unknown>
  // That of a language model may stand with its configuration.
  const { quantization_config: own, quantization: mlx } = {
    ...(inside as object | undefined),
    ...whole,
  } as Record<string, unknown>
  const { quant_method: method } = (own ?? {}) as { quant_method?: unknown }
  if (typeof method === 'string') return method
  if (typeof mlx === 'object' && mlx !== null) return 'mlx'
  if (typeof own === 'object' && own !== null) return 'a method that it does not name'
  return SUFFIXES.find(([suffix]) => names.some(name => name.endsWith(suffix)))?.[1]
}
