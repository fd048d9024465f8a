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
  copy: 0.05,
  reverse: 0.05,
  sort: 0.05,
  arithmetic: 0.075,
  brackets: 0.055,
  instructions: 0.01,
}

/** A mixture for a model that stories still confuse: the same, and who has what on its own. */
export const holderShares: Shares = {
  'key-value': 0.05,
  needle: 0.1,
  stories: 0.12,
  text: 0.02,
  quiz: 0.22,
  inventory: 0.22,
  copy: 0.05,
  reverse: 0.045,
  sort: 0.045,
  arithmetic: 0.075,
  brackets: 0.045,
  instructions: 0.01,
}

/** The last mixture: as much of stories as does not cost the rest. */
export const mostlyStories: Shares = {
  'key-value': 0.02,
  needle: 0.05,
  stories: 0.25,
  text: 0.01,
  quiz: 0.33,
  inventory: 0.18,
  copy: 0.025,
  reverse: 0.025,
  sort: 0.025,
  arithmetic: 0.05,
  brackets: 0.03,
  instructions: 0.005,
}

/** A mixture to end with: stories still, and more of what they had pushed aside. */
export const evenShares: Shares = {
  'key-value': 0.02,
  needle: 0.06,
  stories: 0.15,
  text: 0.02,
  quiz: 0.2,
  inventory: 0.1,
  copy: 0.03,
  reverse: 0.03,
  sort: 0.1,
  arithmetic: 0.12,
  brackets: 0.15,
  instructions: 0.02,
}
