import { type LayeredModel, type Pace, pace, ShapeError, UnsupportedError } from '@tersor/core-tensor'
import type { BlockStatistics } from './block-statistics.ts'
import type { ModelStatistics } from './model-statistics.ts'
import type { CalibrateOptions } from './walk-options.ts'
import type { WalkPlan } from './walk-plan.ts'

/** What entered the blocks of a model when its statistics were gathered; it does not run. */
export class GatheredInputs {
  readonly #model: LayeredModel
  readonly #gathered: ModelStatistics
  readonly #plan: WalkPlan
  readonly #step: Pace

  /**
   * @throws {UnsupportedError} for inputs of a model that is being replaced, or statistics that were not gathered
   * @throws {ShapeError} when the statistics are of another model
   */
  constructor(model: LayeredModel, gathered: ModelStatistics, plan: WalkPlan, options: CalibrateOptions) {
    const { inputs = 'original' } = options
    if (inputs !== 'original') {
      throw new UnsupportedError(
        `[compress/calibration] expected text for inputs '${inputs}', got gathered statistics, which are of the original ones; pass windows of tokens`,
      )
    }
    this.#model = model
    this.#gathered = gathered
    this.#plan = plan
    const layers = model.config.mixers.length
    this.#step = pace(options, layers + 1 - plan.from)
    for (let layer = plan.from; layer <= layers; layer++) {
      for (const name of plan.weights(layer)) this.#require(name)
    }
  }

  before(layer: number): Omit<BlockStatistics, 'layer' | 'weights'> {
    const weights = this.#plan.weights(layer)
    return {
      statistics: this.#gathered.of(weights),
      samples: new Map(weights.map(name => [name, this.#gathered.samples(name)])),
    }
  }

  async after(layer: number): Promise<void> {
    if (layer >= this.#plan.from) await this.#step()
  }

  dispose(): void {}

  /** Throws unless all that is wanted of a weight's inputs is there, and fits it. */
  #require(name: string): void {
    const has = this.#gathered.names(name)
    const missing = this.#plan.wanted([name]).filter(wanted => !has.includes(wanted))
    if (missing.length > 0) {
      throw new UnsupportedError(
        `[compress/calibration] expected ${missing.join(' and ')} of the inputs of '${name}', got ${has.join(', ') || 'nothing'}; gather them with collectStatistics`,
      )
    }
    const [columns, inputs] = [this.#gathered.columns(name), this.#model.weights.get(name)!.dims[1]]
    if (columns !== undefined && columns !== inputs) {
      throw new ShapeError(
        `[compress/calibration] expected statistics of the ${inputs} inputs of '${name}', got ${columns}; they are of another model`,
      )
    }
  }
}
