// Jobs
export { compressModel, type CompressOptions, type CompressResult } from './job/compress-model.ts'
export { demoRecipes, GPTQ_DEFAULTS } from './job/demo-recipes.ts'
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

// Calibration
export { type BlockStatistics, calibrateBlocks } from './calibrate-blocks.ts'
export { type SampleOptions, sampleWindows } from './sample-windows.ts'
