// Tasks with exact answers

export { type ArithmeticOptions, arithmetic } from './arithmetic.ts'
export { type BracketOptions, brackets } from './brackets.ts'
export { copy } from './copy.ts'
// Models on tasks
export {
  type EvaluateTasksOptions,
  evaluateTasks,
  type TaskScore,
  type TaskScores,
} from './evaluate-tasks.ts'
export type { ItemKind, ItemListOptions } from './item-list.ts'
export { adjectives, animals, lexicon, men, names, objects, places, roles, women } from './lexicon.ts'
export { needle } from './needle.ts'
export { between, pick, pickDistinct, pickFrequent, pickFrequentDistinct, pickWeighted } from './pick.ts'
// What more families are made of
export { type RecallFact, type RecallOptions, recallText } from './recall-text.ts'
export { reverse } from './reverse.ts'
export { rngStream } from './rng-stream.ts'
export type { Answer, LongSampleOptions, Sample, SampleOptions } from './sample.ts'
export { type SortOptions, sort } from './sort.ts'
export { drawInSplit, type Split, splitOf } from './split.ts'
// Texts with answers, a generator for each family
export { type StoryOptions, type StoryQuestionKind, stories } from './stories.ts'
export { type TaskName, type TaskOptions, type TaskPrompt, taskNames, taskPrompts } from './task-prompts.ts'
// Tokens and splits
export { estimatedMeasure, measureOf, singleTokensOf, type TextMeasure } from './text-measure.ts'
export { wilsonInterval } from './wilson-interval.ts'
