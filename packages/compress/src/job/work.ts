import type { CheckedRecipe, CheckedRule } from '../recipe.ts'
import type { JobSettings } from './create-job.ts'
import type { Target } from './target.ts'

/** A job with its recipe checked: what all of its parts read. */
export interface Work {
  readonly settings: JobSettings
  readonly recipe: CheckedRecipe
  /** The rule of each tensor that one names. */
  readonly rules: ReadonlyMap<string, CheckedRule>
  readonly target: Target
}
