import type { ModelFile } from '@tersor/models'
import type { CheckedRecipe, CheckedRule } from '../recipe.ts'
import type { JobSettings } from './create-job.ts'
import type { Target } from './target.ts'

/** A job with its recipe checked: what all of its parts read. */
export interface Work {
  readonly settings: JobSettings
  readonly recipe: CheckedRecipe
  readonly target: Target
  /** What the rules are for: the source, or what stages made of it. */
  readonly model: ModelFile
  /** The rule of each tensor of it that one names. */
  readonly rules: ReadonlyMap<string, CheckedRule>
  /** Of the slices that large tensors are cut into, as many as usual by default. */
  readonly sliceElements?: number | undefined
}
