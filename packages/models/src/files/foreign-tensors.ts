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
  ['.trellis', 'exl3'],
  ['.q_weight', 'exl2'],
]

/** Which program quantized a model, as the names of its tensors betray; undefined for those of plain weights. */
export function foreignTensors(names: readonly string[]): string | undefined {
  return SUFFIXES.find(([suffix]) => names.some(name => name.endsWith(suffix)))?.[1]
}
