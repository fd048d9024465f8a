import type { Family } from './mixture.ts'

/** Which share of the tokens each family has; all together 1. */
export type Shares = Readonly<Record<Family, number>>

/** The mixture, half of it recall: what a model learns first, and all else waits for. */
export const shares: Shares = {
  'key-value': 0.3,
  needle: 0.2,
  stories: 0.2,
  text: 0.03,
  quiz: 0,
  inventory: 0,
  crowd: 0,
  holders: 0,
  copy: 0.045,
  reverse: 0.045,
  sort: 0.05,
  arithmetic: 0.06,
  brackets: 0.035,
  instructions: 0.035,
}

/** A mixture for a model that recalls: more of what takes longer to learn. */
export const taskShares: Shares = {
  'key-value': 0.12,
  needle: 0.17,
  stories: 0.28,
  text: 0.02,
  quiz: 0,
  inventory: 0,
  crowd: 0,
  holders: 0,
  copy: 0.07,
  reverse: 0.075,
  sort: 0.07,
  arithmetic: 0.1,
  brackets: 0.08,
  instructions: 0.015,
}

/** A mixture for a model that recalls and counts. Who has what takes longest: stories ask for all that they have told. */
export const storyShares: Shares = {
  'key-value': 0.06,
  needle: 0.11,
  stories: 0.12,
  text: 0.02,
  quiz: 0.4,
  inventory: 0,
  crowd: 0,
  holders: 0,
  copy: 0.05,
  reverse: 0.05,
  sort: 0.05,
  arithmetic: 0.075,
  brackets: 0.055,
  instructions: 0.01,
}

/** A mixture for a model that finds what follows a word, and not yet who came before it. */
export const holderShares: Shares = {
  'key-value': 0.03,
  needle: 0.06,
  stories: 0.1,
  text: 0,
  quiz: 0.15,
  inventory: 0.05,
  crowd: 0,
  holders: 0.5,
  copy: 0.02,
  reverse: 0.02,
  sort: 0.02,
  arithmetic: 0.03,
  brackets: 0.02,
  instructions: 0,
}

/** A mixture for a model that knows who came before a word, and not yet in all that stories say. */
export const mostlyStories: Shares = {
  'key-value': 0.02,
  needle: 0.06,
  stories: 0.22,
  text: 0.01,
  quiz: 0.28,
  inventory: 0.16,
  crowd: 0,
  holders: 0.1,
  copy: 0.02,
  reverse: 0.02,
  sort: 0.025,
  arithmetic: 0.04,
  brackets: 0.035,
  instructions: 0.01,
}

/** The same, and more people than one can guess among. */
export const crowdShares: Shares = {
  ...mostlyStories,
  stories: 0.2,
  quiz: 0.2,
  inventory: 0.04,
  crowd: 0.24,
  holders: 0.08,
}

/** A mixture to end with: some of everything, and most of stories. */
export const lastShares: Shares = {
  'key-value': 0.02,
  needle: 0.08,
  stories: 0.2,
  text: 0.02,
  quiz: 0.18,
  inventory: 0.02,
  crowd: 0.14,
  holders: 0.02,
  copy: 0.04,
  reverse: 0.035,
  sort: 0.055,
  arithmetic: 0.09,
  brackets: 0.08,
  instructions: 0.02,
}
