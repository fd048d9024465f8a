// The command
export { run, type Streams } from './run.ts'

// What it runs, for programs
export { compressModel, type CompressOptions, type CompressResult } from './job/compress-model.ts'
export { GPTQ_DEFAULTS } from './job/demo-recipes.ts'
export type { Outcome, TensorOutcome } from './job/outcome.ts'
export {
  type Method,
  methodName,
  modelRecipe,
  planRecipe,
  type Recipe,
  recipeOf,
  type Rule,
} from './job/recipe.ts'
