import type { Device, Encoding, JobOptions, Stage, TersorError, WeightMethod } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'
import { checkRecipe, planRules, type Recipe } from '../recipe.ts'
import type { CalibrationSource } from './calibration-source.ts'
import type { Manifest } from './manifest.ts'
import type { TensorOutcome } from './outcome.ts'
import type { Plan } from './plan.ts'
import { targetOf } from './target.ts'
import type { Verification } from './verify-model.ts'
import type { Work } from './work.ts'

export interface JobSettings {
  /** What `openModel` opened; it stays open. */
  source: ModelFile
  /** A path or `file:` URL of a safetensors file; folders that are missing are made. */
  target: string | URL
  recipe: Recipe
  /** The methods that the recipe may name. */
  methods: readonly WeightMethod[]
  /** The whole-model methods that the recipe may name. */
  stages?: readonly Stage[] | undefined
  /** Kinds of encodings beside core's and those that the methods say: what is in the source already. */
  kinds?: readonly Encoding[] | undefined
  /**
   * Token windows that calibrated methods and stages run the model on; or what `collectStatistics` gathered of some, and then
   * the model does not run: methods see the inputs of the original model.
   */
  calibration?: CalibrationSource | undefined
  /** Where the model runs for calibration; the reference by default. The methods run on the reference, so that bytes are the same. */
  device?: Device | undefined
  /** Of what methods draw; 0 by default. */
  seed?: number | undefined
  /** Stops at the first tensor that a method cannot take, the default; else that tensor is stored as the recipe's `otherwise` says. */
  strict?: boolean | undefined
  /** Refuses a plan that holds more bytes at the same time. */
  maxMemory?: number | undefined
  /** Replaces a target, and tokenizer files beside it, that are there already. */
  force?: boolean | undefined
  /** Compresses weights that are compressed already; the loss is measured against what they are then. */
  requantize?: boolean | undefined
}

export interface RunOptions extends JobOptions {
  /** Starts over instead of going on where a run before was stopped. */
  fresh?: boolean | undefined
}

/** A plan and everything that would stop a run. */
export interface DryRun {
  readonly plan: Plan
  readonly problems: readonly TersorError[]
}

export interface JobResult {
  /** What became of every tensor, in the order of the source. */
  readonly tensors: readonly TensorOutcome[]
  /** What the weights take, metadata included. */
  readonly bytes: number
  /** What the file takes: the weights, its header and alignment. */
  readonly fileBytes: number
  readonly bitsPerWeight: number
  readonly manifest: Manifest
  /** Tensors that a run before had finished. */
  readonly resumed: number
}

/** A recipe for a model, ready to be run. */
export interface Job {
  /** What a run would make, without reading weights. */
  plan(): Promise<Plan>
  /** Everything that a run checks before it begins; nothing is written. */
  dryRun(): Promise<DryRun>
  /**
   * Does the work, or goes on where a run before was stopped: by an abort, an error, or the end of its process. Until all is
   * done the target is not there, or what it was; what is done lies in a folder beside it, which goes at the end.
   */
  run(options?: RunOptions): Promise<JobResult>
  /** Compares the target with its manifest, and decodes every tensor of it. */
  verify(): Promise<Verification>
}

/**
 * Runs a recipe over a model and writes the result as one safetensors file, with the configuration and a manifest inside, and the
 * manifest and the files of the tokenizer beside. Data-free methods hold one tensor at a time, or a slice of a large one, and take
 * models of any architecture: where a configuration is not understood, weights have the names of the file. Calibrated ones run the
 * model, and hold it and one block's statistics.
 *
 * @throws {UnsupportedError} for a method that is not among those given, or a target that is not a safetensors file
 * @throws {ShapeError} for an option that its method does not take, or a rule that matches nothing
 * @throws {TersorError} from `run`, why the configuration is not understood, where a method is calibrated or there are stages
 * @throws {FileError} from `run`, when the target is the source, is there already, or cannot be written
 * @throws {TersorError} from `run`, whatever a method throws, when `strict`
 * @example
 * import { cast } from '@tersor/core-tensor/reference'
 * import { createSafetensorsWriter } from '@tersor/formats'
 * import { openModel } from '@tersor/models'
 *
 * const half: WeightMethod = {
 *   name: 'half', version: 1, summary: 'Half precision.', needs: [], kinds: [denseEncoding], options: {},
 *   apply: weight => dense(cast(weight as Tensor, 'float16')),
 * }
 * const writer = await createSafetensorsWriter('model.safetensors')
 * await writer.write('w', new Tensor('float32', new Float32Array(4096).fill(1), [64, 64]))
 * await writer.finish()
 * const source = await openModel('model.safetensors')
 * const recipe = { name: 'halves', rules: [{ match: '*', use: [{ method: 'half' }] }] }
 * const job = createJob({ source, target: 'out/small.safetensors', recipe, methods: [half] })
 * const { tensors } = await job.run()
 * await source.close()
 * tensors[0]?.outcome // => 'compressed'
 * tensors[0]?.bytes // => 8194
 */
export function createJob(settings: JobSettings): Job {
  const work = workOf(settings)
  // Files, models and calibration are code that a bundle holds apart, and that is fetched when a job runs.
  const examine = async () => (await import('./examine.ts')).examine(work)
  return {
    plan: async () => (await examine()).plan,
    dryRun: examine,
    run: async options => (await import('./run-job.ts')).runJob(work, options),
    verify: async () => (await import('./verify-target.ts')).verifyTarget(work),
  }
}

/** A job with its recipe checked. */
export function workOf(settings: JobSettings): Work {
  const recipe = checkRecipe(settings.recipe, settings.methods, settings.stages)
  const { source: model, target } = settings
  return { settings, recipe, rules: planRules(recipe.rules, model.names), model, target: targetOf(target) }
}
