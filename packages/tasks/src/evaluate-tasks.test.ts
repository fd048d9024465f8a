import {
  type CausalLM,
  type ForwardOptions,
  type KVCache,
  ShapeError,
  Tensor,
  type Tokenizer,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { evaluateTasks } from './evaluate-tasks.ts'
import { taskNames, taskPrompts } from './task-prompts.ts'
import { measureOf } from './text-measure.ts'
import { wilsonInterval } from './wilson-interval.ts'

/** One token a character. */
const characters: Pick<Tokenizer, 'encode' | 'bos' | 'addsBos'> = {
  bos: 1,
  addsBos: true,
  encode: text => Int32Array.from(text, letter => letter.charCodeAt(0)),
}

/** A model that continues whatever it reads by what `next` says; of other tokens it is unsure. */
function modelOf(next: (text: string) => string, contextLength = 100_000): CausalLM {
  const read = new Map<KVCache, string>()
  return {
    config: { contextLength, vocabSize: 128 },
    createCache() {
      const cache = { dispose: () => read.delete(cache) } as unknown as KVCache
      read.set(cache, '')
      return cache
    },
    async forward(tokens: Int32Array, { cache }: ForwardOptions) {
      const before = read.get(cache)!
      const text = before + String.fromCharCode(...tokens)
      read.set(cache, text)
      const logits = new Float32Array(tokens.length * 128)
      for (let i = 0; i < tokens.length; i++) {
        const known = text.slice(1, before.length + i + 1)
        logits[i * 128 + next(known).charCodeAt(0)] = 10
      }
      return { logits: new Tensor('float32', logits, [tokens.length, 128]) }
    },
  } as unknown as CausalLM
}

const n = 20
const sums = taskPrompts('addition-2', { n, measure: measureOf(characters) })
const right = new Map(sums.flatMap(({ prompt, answer }) => prefixes(prompt, `${answer}\n`)))

/** What follows each beginning of an answer. */
function prefixes(prompt: string, answer: string): [string, string][] {
  return Array.from(answer, (letter, i) => [prompt + answer.slice(0, i), letter])
}

describe('evaluateTasks', () => {
  it('finds a model that knows all, with small nats', async () => {
    const model = modelOf(text => right.get(text) ?? ' ')
    const { tasks, answerNats } = await evaluateTasks(model, characters, { tasks: ['addition-2'], n })
    const score = tasks['addition-2']!
    expect(score).toMatchObject({ accuracy: 1, n, high: 1 })
    expect(score.low).toBeCloseTo(wilsonInterval(n, n).low, 12)
    expect(score.nats).toBeCloseTo(Math.log(1 + 127 * Math.exp(-10)), 6)
    expect(answerNats).toBeCloseTo(score.nats, 12)
  })

  it('takes an answer that does not end for wrong', async () => {
    const model = modelOf(text => (right.get(text) ?? ' ').replace('\n', '0'))
    const { tasks } = await evaluateTasks(model, characters, { tasks: ['addition-2'], n })
    expect(tasks['addition-2']!.accuracy).toBe(0)
    expect(tasks['addition-2']!.nats).toBeLessThan(0.01)
  })

  it('finds a model that knows half', async () => {
    const known = new Set(sums.slice(0, n / 2).map(({ prompt }) => prompt))
    const model = modelOf(text => (known.has(`${text.split('=')[0]}=`) ? (right.get(text) ?? ' ') : '?'))
    const { tasks } = await evaluateTasks(model, characters, { tasks: ['addition-2'], n })
    expect(tasks['addition-2']!.accuracy).toBe(0.5)
  })

  it('names the prompt whose loss is not finite', async () => {
    const broken: CausalLM = {
      ...modelOf(() => ' '),
      forward: async tokens => ({
        logits: new Tensor('float32', new Float32Array(tokens.length * 128).fill(Number.NaN), [
          tokens.length,
          128,
        ]),
      }),
    }
    await expect(evaluateTasks(broken, characters, { tasks: ['copy'], n: 1 })).rejects.toThrow(
      /expected finite losses, got NaN at token \d+ of prompt 0 of copy/,
    )
  })

  it('runs every task, says how far it is, and can be stopped', async () => {
    const seen: number[] = []
    const scores = await evaluateTasks(
      modelOf(() => ' '),
      characters,
      { n: 2, onProgress: done => seen.push(done) },
    )
    expect(Object.keys(scores.tasks)).toEqual(taskNames)
    expect(seen).toEqual(Array.from({ length: 2 * taskNames.length }, (_, i) => i + 1))
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(
      evaluateTasks(
        modelOf(() => ' '),
        characters,
        { signal },
      ),
    ).rejects.toThrow('enough')
    const small = evaluateTasks(
      modelOf(() => ' ', 64),
      characters,
      { tasks: ['needle-256'], n: 1 },
    )
    await expect(small).rejects.toThrow(ShapeError)
  })
})

describe('wilsonInterval', () => {
  it('is the published one', () => {
    // 10 of 20 and 0 of 10 by the closed form.
    expect(wilsonInterval(10, 20).low).toBeCloseTo(0.2993, 4)
    expect(wilsonInterval(10, 20).high).toBeCloseTo(0.7007, 4)
    expect(wilsonInterval(0, 10).high).toBeCloseTo(0.2775, 4)
    expect(wilsonInterval(0, 10).low).toBe(0)
  })
})
