import type { Encoded, Tensor } from '@tersor/core-tensor'
import type { LayerStatistics } from './model-statistics.ts'

/** What calibration knows about one block when it is its turn. */
export interface BlockStatistics {
  /** The block, or `layers` for the head. */
  readonly layer: number
  /** The block's linear weights by name, as the model holds them. */
  readonly weights: ReadonlyMap<string, Tensor | Encoded>
  /** What was gathered of each weight's inputs; weights that share an input share the tensors. */
  readonly statistics: ReadonlyMap<string, LayerStatistics>
  /** The same of the original model's inputs, for `inputs: 'both'`. */
  readonly original?: ReadonlyMap<string, LayerStatistics> | undefined
  /** How many rows each weight's inputs had: all tokens, or those of them that chose an expert. */
  readonly samples: ReadonlyMap<string, number>
}
