import {
  argmax,
  type CausalLM,
  type JobOptions,
  NumericalError,
  pace,
  ShapeError,
  type Tokenizer,
} from '@tersor/core-tensor'
import { logitsOf } from '@tersor/eval'
import { type TaskName, taskNames, taskPrompts } from './task-prompts.ts'
import { measureOf } from './text-measure.ts'
import { wilsonInterval } from './wilson-interval.ts'

export interface EvaluateTasksOptions extends JobOptions {
  /** Which; all by default. */
  tasks?: readonly TaskName[] | undefined
  /** Prompts of each; 400 by default. */
  n?: number | undefined
  /** Seed of the prompts, 0 by default. */
  seed?: number | undefined
}

/** What a model makes of a task. */
export interface TaskScore {
  /** The share of answers that are right to the last token, the end of the line included. */
  readonly accuracy: number
  /** Mean cross-entropy of the tokens of the right answers: tells models apart that are all accurate. */
  readonly nats: number
  readonly n: number
  /** The 95 % Wilson interval of the accuracy. */
  readonly low: number
  readonly high: number
}

export interface TaskScores {
  readonly tasks: Readonly<Partial<Record<TaskName, TaskScore>>>
  /** Mean cross-entropy of the answer tokens of all tasks. */
  readonly answerNats: number
}

/**
 * Scores a model on tasks with exact answers. The right answer is read along with the prompt, in one pass:
 * greedy decoding gives it exactly when each of its tokens, and the end of the line after it, is the
 * likeliest after those before.
 *
 * @param model  whose context holds about 1,000 tokens, for the tasks that need them
 * @param tokenizer  the model's, with a beginning token
 * @returns scores by task, in the order of {@link taskNames}
 * @throws {ShapeError} when a prompt is longer than the model's context
 * @throws {NumericalError} when a loss is not finite, naming the prompt
 *
 * ```ts no-run
 * const { tasks, answerNats } = await evaluateTasks(model, tokenizer, { tasks: ['copy', 'sort'] })
 * ```
 */
export async function evaluateTasks(
  model: CausalLM,
  tokenizer: Pick<Tokenizer, 'encode' | 'bos' | 'addsBos'>,
  { tasks = taskNames, n = 400, seed = 0, ...job }: EvaluateTasksOptions = {},
): Promise<TaskScores> {
  const step = pace(job, tasks.length * n)
  const measure = measureOf(tokenizer)
  const start = tokenizer.addsBos ? [tokenizer.bos!] : []
  const logits = logitsOf(model)
  const scores: Partial<Record<TaskName, TaskScore>> = {}
  let allNats = 0
  let allTokens = 0
  for (const name of tasks) {
    let right = 0
    let nats = 0
    let answerTokens = 0
    for (const [i, { prompt, answer, stop }] of taskPrompts(name, { n, seed, measure }).entries()) {
      const begin = [...start, ...tokenizer.encode(prompt)]
      const all = [...begin, ...tokenizer.encode(answer), ...tokenizer.encode(stop)]
      if (all.length > model.config.contextLength) {
        throw new ShapeError(
          `[tasks/evaluate-tasks] expected prompts of ${name} to fit a context of ${model.config.contextLength} tokens, got ${all.length}; leave this task out`,
        )
      }
      const tokens = Int32Array.from(all)
      const end = all.length - tokenizer.encode(stop).length
      let exact = true
      let position = begin.length
      for await (const row of logits({ tokens, from: begin.length }, i)) {
        const { loss, likeliest } = lossOf(row, tokens[position]!)
        if (!Number.isFinite(loss)) {
          throw new NumericalError(
            `[tasks/evaluate-tasks] expected finite losses, got ${loss} at token ${position} of prompt ${i} of ${name}; the model's weights or activations hold NaN or infinity`,
          )
        }
        exact &&= likeliest
        if (position < end) nats += loss
        position++
      }
      answerTokens += end - begin.length
      if (exact) right++
      await step()
    }
    scores[name] = { accuracy: right / n, nats: nats / answerTokens, n, ...wilsonInterval(right, n) }
    allNats += nats
    allTokens += answerTokens
  }
  return { tasks: scores, answerNats: allNats / allTokens }
}

/** The cross-entropy of a token, and whether it is the likeliest. */
function lossOf(row: Float32Array, token: number): { loss: number; likeliest: boolean } {
  const best = argmax(row)
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - row[best]!)
  return { loss: Math.log(sum) + row[best]! - row[token]!, likeliest: best === token }
}
