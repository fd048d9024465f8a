// Recipes
export {
  type CheckedRecipe,
  type CheckedRule,
  type CheckedStep,
  checkRecipe,
  planRules,
  type Recipe,
  type Rule,
  type Step,
  stepsLabel,
} from './recipe.ts'
export { type ModelRecipeOptions, modelRecipe } from './model-recipe.ts'

// Jobs
export {
  createJob,
  type DryRun,
  type Job,
  type JobResult,
  type JobSettings,
  type RunOptions,
} from './job/create-job.ts'
export type { Manifest } from './job/manifest.ts'
export type { Outcome, TensorOutcome } from './job/outcome.ts'
export type { Plan, TensorPlan } from './job/plan.ts'
export { type Verification, type VerifyOptions, verifyModel } from './job/verify-model.ts'

// Calibration
export type { BlockStatistics } from './calibration/block-statistics.ts'
export { calibrateBlocks } from './calibration/calibrate-blocks.ts'
export { collectStatistics } from './calibration/collect-statistics.ts'
export { loadStatistics } from './calibration/load-statistics.ts'
export { type LayerStatistics, ModelStatistics } from './calibration/model-statistics.ts'
export { type SampleOptions, sampleWindows } from './calibration/sample-windows.ts'
export { saveStatistics } from './calibration/save-statistics.ts'
export type { CalibrateOptions, CollectOptions } from './calibration/walk-options.ts'
