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
export type { BlockStatistics } from './calibration/block-statistics.ts'
export { calibrateBlocks } from './calibration/calibrate-blocks.ts'
export { collectStatistics } from './calibration/collect-statistics.ts'
export { loadStatistics } from './calibration/load-statistics.ts'
export { type LayerStatistics, ModelStatistics } from './calibration/model-statistics.ts'
export { type SampleOptions, sampleWindows } from './calibration/sample-windows.ts'
export { saveStatistics } from './calibration/save-statistics.ts'
export type { CalibrateOptions, CollectOptions } from './calibration/walk-options.ts'
