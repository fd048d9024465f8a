import type { Encoded } from '@tersor/core-tensor'
import type { QuantizationConfig } from './quantization-config.ts'
import type { StoredModule } from './stored-module.ts'

/** How another program stores weights that it quantized. */
export interface Layout {
  /** What reports call it: `gptq`, `nvfp4`. */
  readonly name: string
  /** The `quant_method`s of the configurations that come with it. */
  readonly methods: readonly string[]
  /** What the name of a tensor ends with that only such weights have; what stands before it is the module's name. */
  readonly mark: string
  /**
   * The weight of a module that has a tensor with this mark; undefined where it is stored otherwise.
   *
   * @throws {FormatError} when its tensors contradict each other
   * @throws {UnsupportedError} for a variant that is not known, by its name
   */
  weight(module: StoredModule, config: QuantizationConfig): LaidWeight | undefined
  /** Endings of tensors that say something about activations or the cache, and nothing about weights. */
  readonly beside?: readonly string[] | undefined
}

/** A weight as a layout finds it in the tensors of a module. */
export interface LaidWeight {
  /** What the weight is called behind its module's name; `.weight` by default. */
  readonly ending?: string | undefined
  /** (out, in) */
  readonly dims: readonly number[]
  /** Endings of the tensors that it is made of. */
  readonly parts: readonly string[]
  /** The weight in its own bits. */
  load(): Promise<Encoded>
  /** Some rows of the weight seen as a matrix, where they can be read alone. */
  loadRows?(rows: readonly [start: number, end: number]): Promise<Encoded>
}
