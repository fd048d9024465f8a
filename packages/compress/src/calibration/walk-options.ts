import type { Encoded, JobOptions, StatisticName, Tensor } from '@tersor/core-tensor'
import type { InputsOptions } from '@tersor/core-tensor/statistics'

export interface CollectOptions extends JobOptions {
  /** What to gather of the inputs of each weight; a function where weights differ. */
  statistics: readonly StatisticName[] | ((weight: string) => readonly StatisticName[])
  /** The head's inputs too, where it is not the embedding; false by default. */
  head?: boolean | undefined
  /** How many rows `inputs` keeps, and which; 1024 of the seed 0 by default. */
  sample?: InputsOptions | undefined
}

export interface CalibrateOptions extends CollectOptions {
  /**
   * Of which hidden states statistics are: `quantized`, the default, those that the replaced blocks before give;
   * `original`, those of the model as it was, which costs half the time; or `both`.
   */
  inputs?: 'quantized' | 'original' | 'both' | undefined
  /** The first block that is handed over; 0 by default. Those before it only run. */
  from?: number | undefined
  /** What a walk that goes on at `from` has replaced already. */
  replaced?: ReadonlyMap<string, Tensor | Encoded> | undefined
}
