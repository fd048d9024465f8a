/** What a `config.json` says of quantization: `quantization_config`, or `quantization` of MLX. */
export interface QuantizationConfig {
  /** `gptq`, `compressed-tensors`, …; `mlx` where MLX wrote it. */
  readonly method: string
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * What a configuration says of quantization, wherever it stands: beside the sizes, with those of the language model, or under
 * the name that older releases gave it.
 *
 * @param config  a parsed `config.json`
 * @returns undefined where it says nothing
 * @example
 * quantizationConfig({ quantization: { bits: 4, group_size: 64 } }) // => { method: 'mlx', settings: { bits: 4, group_size: 64 } }
 */
export function quantizationConfig(config: unknown): QuantizationConfig | undefined {
  const whole = objectOf(config)
  const inside = objectOf(whole.text_config)
  for (const { quantization_config, compression_config, quantization } of [whole, inside]) {
    const own = quantization_config ?? compression_config
    const { quant_method: method } = objectOf(own)
    if (typeof method === 'string') return { method, settings: objectOf(own) }
    // MLX writes the same twice, without a method.
    if (isObject(quantization)) return { method: 'mlx', settings: quantization }
    if (isObject(compression_config)) return { method: 'compressed-tensors', settings: compression_config }
    if (isObject(quantization_config)) return { method: 'unnamed', settings: quantization_config }
  }
  return undefined
}

/** An object's entries; none of anything else. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
