import { delicateWeights } from './delicate-weights.ts'
import type { Recipe, Step } from './recipe.ts'

export interface ModelRecipeOptions {
  /** What the recipe is called; the methods' names by default. */
  name?: string | undefined
  /** For tables, heads and routers; the same steps as for the rest by default. */
  delicate?: readonly Step[] | undefined
}

/**
 * The same steps for every matrix of a model, but for those that are small next to what hangs on them: the tables of tokens
 * and positions and the head, which every loss of precision hits at both ends of a model, and routers, which choose between
 * experts. Of models that are not understood they are found by the names in the file.
 *
 * @param use  the steps, done in turn
 * @param names  the model's weights
 * @example
 * const names = ['embedding.tokens', 'layers.0.feedForward.down']
 * const { rules } = modelRecipe([{ method: 'rtn', bits: 3 }], names, { delicate: [{ method: 'rtn', bits: 8 }] })
 * rules.map(rule => rule.match) // => ['embedding.tokens', '*']
 */
export function modelRecipe(
  use: readonly Step[],
  names: readonly string[],
  { name = use.map(({ method }) => method).join(', then '), delicate }: ModelRecipeOptions = {},
): Recipe {
  const others = delicateWeights(names)
  // A rule has to match something, so that there is no rule for the rest where all are delicate.
  const apart = delicate === undefined ? [] : others.map(match => ({ match, use: delicate }))
  const rest = apart.length === names.length && names.length > 0 ? [] : [{ match: '*', use }]
  return { name, rules: [...apart, ...rest] }
}
