import type { Divergence } from '@tersor/eval'
import type { TaskScores } from '@tersor/tasks'

/** One line of the main job's result: a recipe, what its file takes and what it lost. */
export interface DemoRow {
  readonly recipe: string
  /** What recipes are grouped by in the plot: the method's name. */
  readonly method: string
  /** Of all weights, metadata included. */
  readonly bitsPerWeight: number
  readonly fileBytes: number
  /** The uncompressed file over this one. */
  readonly ratio: number
  readonly perplexity: number
  readonly divergence: Divergence
  readonly tasks?: TaskScores
  readonly seconds: number
  /** One by one, where a time budget was given. */
  readonly tokensPerSecond?: number
}

export interface DemoResult {
  readonly model: string
  readonly parameters: number
  readonly fileBytes: number
  /** What the evaluated tokens are, in words after their number. */
  readonly text: string
  readonly evaluatedTokens: number
  readonly calibrationTokens: number
  readonly device: string
  readonly perplexity: number
  /** How the given model is quantized already; its recipes quantize it again, and losses are against it as it is. */
  readonly quantized?: string
  /** Of the given model, one by one, where a time budget was given. */
  readonly tokensPerSecond?: number
  /** Recipes that did not fit the time budget. */
  readonly leftOut?: readonly string[]
  /** Of the uncompressed model, where tasks were asked for. */
  readonly tasks?: TaskScores
  readonly rows: readonly DemoRow[]
}
