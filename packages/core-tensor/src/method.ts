import type { Device } from './device/device.ts'
import type { Encoded, Encoding, Json } from './encoded/encoded.ts'
import type { JobOptions } from './job.ts'
import type { LayeredLM } from './model/causal-lm.ts'
import type { Filled, Option } from './option-table.ts'
import type { Rng } from './rng.ts'
import type { StatisticName } from './statistics/statistic-name.ts'
import type { DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

/** What is known of a weight before it is read. */
export interface WeightShape {
  readonly dims: readonly number[]
  readonly type: DType
}

/** What a method expects its result to take, before it runs. */
export interface WeightPlan {
  /** `byteLength` of the result: of exactly this many bytes where `exact`, else of at most so many. */
  readonly bytes: number
  readonly exact: boolean
  /** Bytes that are held at the same time on the way, the weight itself among them. */
  readonly peak: number
  /** Bytes of what a step leaves around the numbers that later steps compress, such as a rotation; 0 without. */
  readonly around?: number | undefined
}

/** What a job hands a method besides the weight. */
export interface LayerContext extends JobOptions {
  /** What the weight is called, for errors. */
  readonly name: string
  /** The weight before any step. */
  readonly original: Tensor | Encoded
  /** What calibration gathered of the inputs of the layer: at least what the method `needs`. */
  readonly statistics: { readonly [N in StatisticName]?: Tensor | undefined }
  /** Seeded by the recipe and the weight's name. */
  readonly rng: Rng
  /** Where the result goes. */
  readonly device: Device
  /** What the slices of a weight agreed on, of which this is one: what the method's own `agree` gave. */
  readonly agreed?: Json | undefined
}

/**
 * What a job has to know of a method that treats rows apart, to hand it a slice of a weight at a time: the results stacked are
 * the result of the whole, byte for byte.
 */
export interface Rowwise<O extends object = object> {
  /**
   * Slices are cut at multiples of so many rows of the weight, seen as a matrix over its last axis; undefined where the options
   * tie all rows together.
   */
  step(dims: readonly number[], options: Filled<O>): number | undefined
  /**
   * What all slices have to be stored alike in, such as the type of their scales: what slices agreed on before, and what this one
   * needs besides. `apply` gets it in its context; without this, slices are alike as they are.
   */
  agree?(slice: Encoded, agreed: Json | undefined): Json
}

/**
 * A compression method as data, the frozen object beside its function: what a job, a command line, a conformance suite and a table
 * in a README have to know. Passed by reference in a list and never registered.
 */
export interface WeightMethod<O extends object = object> {
  /** The name of its file, in recipes and flags: `quant-ease`. */
  readonly name: string
  /** Of the bytes that it writes: a change raises it. */
  readonly version: number
  /** One sentence for people. */
  readonly summary: string
  /** What a job has to bring: statistics of the inputs; `start`, the result of the step before. */
  readonly needs: readonly (StatisticName | 'start')[]
  /** What its results are made of, for loading them. */
  readonly kinds: readonly Encoding[]
  readonly options: Readonly<Record<string, Option>>
  /** A few words on what some options come to: `3 bits, group 32`. */
  label?(options: Filled<O>): string
  /** @param start  what the step before plans, where there is one */
  plan?(weight: WeightShape, options: Filled<O>, start?: WeightPlan): WeightPlan
  apply(weight: Tensor | Encoded, options: Filled<O>, layer: LayerContext): Encoded | Promise<Encoded>
  /** Of methods that treat rows apart, draw nothing and need no statistics. */
  readonly rowwise?: Rowwise<O> | undefined
}

/** A method of a whole model: depth pruning, evolution, distillation. */
export interface Stage<O extends object = object> {
  readonly name: string
  readonly version: number
  readonly summary: string
  /** What a job has to bring beside the model. */
  readonly needs: readonly 'windows'[]
  readonly options: Readonly<Record<string, Option>>
  run(model: LayeredLM, options: Filled<O>, context: StageContext): LayeredLM | Promise<LayeredLM>
}

/** What a job hands a stage besides the model. */
export interface StageContext extends JobOptions {
  /** Token windows to calibrate on; none where the stage needs none. */
  readonly windows: readonly Int32Array[]
  readonly rng: Rng
}
