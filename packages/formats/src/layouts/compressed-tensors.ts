import { objectOf, type QuantizationConfig } from './quantization-config.ts'

/** How weights of a group of modules are quantized, as compressed-tensors says it. */
export interface WeightScheme {
  readonly bits: number
  readonly type: string
  readonly groupSize: number | undefined
  /** Rows and columns of blocks that share a scale. */
  readonly block: readonly [rows: number, columns: number] | undefined
  /** Of the group, else of the whole file: `pack-quantized`, … */
  readonly format: string
}

/**
 * All schemes of a configuration. Which of them a module has is told by its tensors, not by the patterns of names that a
 * stranger wrote.
 */
export function weightSchemes({ settings }: QuantizationConfig): WeightScheme[] {
  const { config_groups: groups, format } = settings
  return Object.values(objectOf(groups)).flatMap(group => {
    const { weights, format: own } = objectOf(group)
    const { num_bits: bits, type, group_size: size, block_structure: block } = objectOf(weights)
    if (!isWhole(bits) || bits > 8) return []
    return {
      bits,
      type: String(type ?? 'int'),
      groupSize: isWhole(size) ? size : undefined,
      block: isPair(block) ? block : undefined,
      format: String(own ?? format ?? ''),
    }
  })
}

function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(isWhole)
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

/** What compressed-tensors stores of activations, which are not rounded here. */
export const ACTIVATIONS = ['.input_scale', '.input_zero_point', '.input_global_scale', '.output_scale']
