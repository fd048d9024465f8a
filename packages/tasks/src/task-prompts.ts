import { type Rng, ShapeError } from '@tersor/core-tensor'
import { arithmetic } from './arithmetic.ts'
import { brackets } from './brackets.ts'
import { copy } from './copy.ts'
import { needle } from './needle.ts'
import { between, pick } from './pick.ts'
import { reverse } from './reverse.ts'
import { rngStream } from './rng-stream.ts'
import type { Answer, LongSampleOptions, Sample } from './sample.ts'
import { sort } from './sort.ts'
import { stories } from './stories.ts'
import { estimatedMeasure, type TextMeasure } from './text-measure.ts'

/** A text that breaks off before an answer. */
export interface TaskPrompt {
  readonly prompt: string
  /** What follows, exactly, with the space before it where it has one. */
  readonly answer: string
  /** What follows the answer. */
  readonly stop: string
  /** The family and the instance that it is from: training has no other of this key. */
  readonly family: string
  readonly key: string
}

export interface TaskOptions {
  /** How many; 400 by default. */
  n?: number | undefined
  /** Seed of the prompts, 0 by default. */
  seed?: number | undefined
  /** Measure of the model that is asked, so that distances are in its tokens; an estimate by default. */
  measure?: TextMeasure | undefined
}

/** How a task draws a sample, and which of its answers it may ask for. */
interface Task {
  readonly draw: (rng: Rng, options: LongSampleOptions) => Sample
  readonly asks?:
    | ((answer: Answer, sample: Sample, measure: TextMeasure, index: number) => boolean)
    | undefined
}

const tasks = {
  'needle-256': {
    draw: (rng, options) => needle(rng, { ...options, tokens: 256 }),
  },
  'needle-900': {
    draw: (rng, options) => needle(rng, { ...options, tokens: 1000 }),
    asks: ({ start, source }, { text }, { countTokens }) => {
      const distance = countTokens(text.slice(source, start))
      return distance > 256 && distance <= 900
    },
  },
  copy: { draw: copy },
  reverse: { draw: reverse },
  sort: { draw: sort },
  'addition-2': { draw: (rng, options) => arithmetic(rng, { ...options, operator: '+', digits: 2 }) },
  'addition-3': { draw: (rng, options) => arithmetic(rng, { ...options, operator: '+', digits: 3 }) },
  entity: {
    draw: (rng, options) => stories(rng, { ...options, tokens: between(rng, 100, 500) }),
    asks: ({ kind }, _sample, _measure, index) => kind === (index % 2 === 0 ? 'where-person' : 'who-has'),
  },
  'entity-2hop': {
    draw: (rng, options) => stories(rng, { ...options, tokens: between(rng, 100, 500) }),
    asks: ({ kind }) => kind === 'where-held',
  },
  brackets: { draw: brackets },
} as const satisfies Readonly<Record<string, Task>>

/** The name of a task. */
export type TaskName = keyof typeof tasks

/** Every task. */
export const taskNames = /* @__PURE__ */ Object.freeze(
  /* @__PURE__ */ Object.keys(tasks),
) as readonly TaskName[]

/**
 * Prompts of a task with their exact answers, all different, from instances that are held out.
 *
 * | task | what is asked |
 * | --- | --- |
 * | `needle-256` | a fact of 3 to 5 random words, stated up to 256 tokens before |
 * | `needle-900` | the same from 257 to 900 tokens before |
 * | `copy`, `reverse`, `sort` | a list of 8 to 24 items as it is, from its end, in order |
 * | `addition-2`, `addition-3` | the sum of two numbers of two or three digits |
 * | `entity` | in a story, by turns where a person is and who has a thing |
 * | `entity-2hop` | where a thing is that somebody carries about |
 * | `brackets` | what closes 2 to 6 brackets |
 *
 * Long texts ask several questions; the answers before the one that is asked for stand in the prompt.
 *
 * @throws {ShapeError} when fewer than n prompts are held out; only `addition-2` has as few as some 800
 * @example
 * const [first] = taskPrompts('addition-2', { n: 1 })
 * first // => { prompt: '63+73=', answer: '136', stop: '\n', family: 'arithmetic', key: '63+73' }
 */
export function taskPrompts(
  name: TaskName,
  { n = 400, seed = 0, measure = estimatedMeasure }: TaskOptions = {},
): TaskPrompt[] {
  const { draw, asks = () => true }: Task = tasks[name]
  const rng = rngStream(seed, taskNames.indexOf(name))
  const prompts = new Map<string, TaskPrompt>()
  for (let tries = 0; prompts.size < n; tries++) {
    if (tries > 100 * n) {
      throw new ShapeError(
        `[tasks/task-prompts] expected ${n} prompts of ${name}, found ${prompts.size}; ask for fewer`,
      )
    }
    const sample = draw(rng, { split: 'held-out', measure })
    const open = sample.answers.filter(answer => asks(answer, sample, measure, prompts.size))
    if (open.length === 0) continue
    const { start, end } = pick(rng, open)
    const prompt = sample.text.slice(0, start)
    const { family, key } = sample
    prompts.set(prompt, { prompt, answer: sample.text.slice(start, end), stop: '\n', family, key })
  }
  return [...prompts.values()]
}
