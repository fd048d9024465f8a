import type { LayeredLM, LayeredModel, Pace, Tensor } from '@tersor/core-tensor'
import { requireFinite } from './require-finite.ts'

/** Looks at an input of linear weights; what it needs of x it reads before it returns. */
export type Look = (weights: readonly string[], x: Tensor, source: Int32Array) => Promise<void>

/** The hidden states of texts on their way through a model, block by block. */
export class HiddenStates {
  readonly #windows: readonly Int32Array[]
  readonly #states: Tensor[]
  readonly #step: Pace

  /** @param step  awaited after each window that went through a block */
  constructor(model: LayeredModel, windows: readonly Int32Array[], step: Pace) {
    this.#windows = windows
    this.#states = windows.map(tokens => model.embed(tokens))
    this.#step = step
  }

  /**
   * Runs a block on all texts, which it leaves in front of it unless they `advance`.
   *
   * @throws {NumericalError} when what leaves it is not finite
   */
  async through(
    model: LayeredModel,
    layer: number,
    { look, advance }: { look?: Look | undefined; advance: boolean },
  ): Promise<void> {
    for (const [i, source] of this.#windows.entries()) {
      const x = this.#states[i]!
      const looks: Promise<void>[] = []
      const linear = (weights: readonly string[], input: Tensor) => {
        const looked = look!(weights, input, source)
        looked.catch(() => {}) // Awaited below, unless the block throws first.
        looks.push(looked)
      }
      const y = model.block(layer, x, { tokens: source, taps: look && { linear } })
      if (advance) {
        this.#states[i] = y
        x.dispose()
      } else y.dispose()
      await Promise.all(looks)
      if (advance) await requireFinite(this.#states[i]!, `what leaves block ${layer}`)
      await this.#step()
    }
  }

  /** Looks at what the head multiplies, without its product. */
  async atHead(model: LayeredLM, look: Look): Promise<void> {
    for (const [i, source] of this.#windows.entries()) {
      using input = model.headInput(this.#states[i]!)
      await look([model.headWeight], input, source)
      await this.#step()
    }
  }

  dispose(): void {
    for (const x of this.#states) x.dispose()
  }
}
