import { type LayeredModel, pace } from '@tersor/core-tensor'
import type { BlockStatistics } from './block-statistics.ts'
import { hasHead } from './has-head.ts'
import { HiddenStates, type Look } from './hidden-states.ts'
import { ModelStatistics } from './model-statistics.ts'
import { requireWindows } from './require-windows.ts'
import type { CalibrateOptions } from './walk-options.ts'
import type { WalkPlan } from './walk-plan.ts'

/** What enters the blocks of a model that is being replaced block by block, as it runs over text. */
export class TextInputs {
  readonly #model: LayeredModel
  readonly #plan: WalkPlan
  readonly #sample: CalibrateOptions['sample']
  /** Of the model as it was. */
  readonly #original: HiddenStates | undefined
  /** Of the model as it becomes. */
  readonly #quantized: HiddenStates | undefined

  constructor(
    model: LayeredModel,
    windows: readonly Int32Array[],
    plan: WalkPlan,
    { inputs = 'quantized', sample, ...job }: CalibrateOptions,
  ) {
    requireWindows(model, windows)
    const layers = model.config.mixers.length
    const passes = Array.from({ length: layers + 1 }, (_, layer) => {
      const [looks, advances] = [plan.needs(layer), plan.goesOn(layer)]
      const original = inputs !== 'quantized' && (looks || advances) ? 1 : 0
      return original + (inputs === 'original' ? 0 : Number(looks) + Number(advances))
    })
    const step = pace(job, windows.length * passes.reduce((sum, count) => sum + count, 0))
    this.#model = model
    this.#plan = plan
    this.#sample = sample
    if (inputs !== 'quantized') this.#original = new HiddenStates(model, windows, step)
    if (inputs !== 'original') this.#quantized = new HiddenStates(model, windows, step)
  }

  /** What enters a block, once the blocks before it are what they will be. */
  async before(layer: number, current: LayeredModel): Promise<Omit<BlockStatistics, 'layer' | 'weights'>> {
    const original = await this.#look(this.#original, this.#model, layer, this.#plan.goesOn(layer))
    const quantized = await this.#look(this.#quantized, current, layer, false)
    const [first, second] = quantized === undefined ? [original!] : [quantized, original]
    const weights = this.#plan.weights(layer)
    return {
      statistics: first.of(weights),
      samples: new Map(weights.map(name => [name, first.samples(name)])),
      original: second?.of(weights),
    }
  }

  /** Moves on behind a block that is now what it will be. */
  async after(layer: number, current: LayeredModel): Promise<void> {
    if (this.#plan.goesOn(layer)) await this.#quantized?.through(current, layer, { advance: true })
  }

  dispose(): void {
    this.#original?.dispose()
    this.#quantized?.dispose()
  }

  async #look(
    states: HiddenStates | undefined,
    model: LayeredModel,
    layer: number,
    advance: boolean,
  ): Promise<ModelStatistics | undefined> {
    if (states === undefined) return undefined
    const gathered = new ModelStatistics()
    const look: Look = (weights, x, source) =>
      gathered.collect(weights, x, { statistics: this.#plan.wanted(weights), source, sample: this.#sample })
    const looks = this.#plan.needs(layer)
    if (layer === model.config.mixers.length) {
      if (looks && hasHead(model)) await states.atHead(model, look)
    } else if (looks || advance) {
      await states.through(model, layer, { look: looks ? look : undefined, advance })
    }
    return gathered
  }
}
