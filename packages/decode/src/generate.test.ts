import {
  type CausalLM,
  type KVCache,
  NumericalError,
  reference,
  ShapeError,
  Tensor,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { type GenerateOptions, generate } from './generate.ts'
import type { Sampler } from './sampler.ts'
import { temperature } from './samplers/temperature.ts'

const VOCABULARY = 7
const CONTEXT = 10

/** A model that finds the token after the last one likeliest, by `ahead`; it writes down what it is asked. */
function counter(ahead = 2) {
  const read: number[][] = []
  const open = new Set<KVCache>()
  const model = {
    config: { vocabSize: VOCABULARY, contextLength: CONTEXT },
    device: reference,
    createCache() {
      const cache = { dispose: () => open.delete(cache) } as unknown as KVCache
      open.add(cache)
      return cache
    },
    async forward(tokens: Int32Array, { cache, signal }: Parameters<CausalLM['forward']>[1]) {
      signal?.throwIfAborted()
      expect(open.has(cache)).toBe(true)
      read.push([...tokens])
      const scores = new Float32Array(VOCABULARY)
      scores[(tokens.at(-1)! + 1) % VOCABULARY] = ahead
      return { logits: new Tensor('float32', scores, [1, VOCABULARY]) }
    },
  } as unknown as CausalLM
  return { model, read, open }
}

async function collect(model: CausalLM, prompt: readonly number[], options?: GenerateOptions) {
  const tokens: number[] = []
  for await (const token of generate(model, Int32Array.from(prompt), options)) tokens.push(token)
  return tokens
}

describe('generate', () => {
  it('reads the prompt once, then each token that it chose', async () => {
    const { model, read } = counter()
    expect(await collect(model, [4, 5], { maxTokens: 4 })).toEqual([6, 0, 1, 2])
    expect(read).toEqual([[4, 5], [6], [0], [1]])
  })

  it('ends with the context, with maxTokens, or before the stop token', async () => {
    const { model } = counter()
    expect(await collect(model, [0, 1])).toHaveLength(CONTEXT - 2)
    expect(await collect(model, [0, 1], { maxTokens: 100 })).toHaveLength(CONTEXT - 2)
    expect(await collect(model, [0, 1], { maxTokens: 0 })).toEqual([])
    expect(await collect(model, [0, 1], { stop: 4 })).toEqual([2, 3])
    expect(await collect(model, [0, 1], { stop: [9, 3] })).toEqual([2])
    expect(await collect(model, Array(CONTEXT).fill(1))).toEqual([])
  })

  it('asks the sampler, with the logits and a generator of the seed', async () => {
    const { model } = counter()
    const seen: [number[], number][] = []
    const sampler: Sampler = {
      name: 'third',
      choose(scores, rng) {
        seen.push([[...scores], rng.integer(1000)])
        return 3
      },
    }
    expect(await collect(model, [1], { sampler, seed: 9, maxTokens: 2 })).toEqual([3, 3])
    expect(seen.map(([scores]) => scores)).toEqual([
      [0, 0, 2, 0, 0, 0, 0],
      [0, 0, 0, 0, 2, 0, 0],
    ])
    const numbers = seen.map(([, number]) => number)
    await collect(model, [1], { sampler, seed: 9, maxTokens: 2 })
    expect(seen.slice(2).map(([, number]) => number)).toEqual(numbers)
  })

  it('draws at a temperature as the sampler of that name does', async () => {
    const { model } = counter()
    const short = await collect(model, [1], { temperature: 1.5, seed: 2 })
    expect(await collect(model, [1], { sampler: temperature(1.5), seed: 2 })).toEqual(short)
    expect(await collect(model, [1], { temperature: 1.5, seed: 3 })).not.toEqual(short)
    expect(await collect(model, [1], { temperature: 0, seed: 2 })).toEqual(await collect(model, [1]))
  })

  it('gives every cache back, also where the text is left early or the model fails', async () => {
    const { model, open } = counter()
    for await (const token of generate(model, Int32Array.of(1))) if (token === 4) break
    expect(open.size).toBe(0)
    await expect(collect(counter(Number.NaN).model, [1])).rejects.toThrow(NumericalError)
    const broken = counter(Number.NaN)
    await expect(collect(broken.model, [1])).rejects.toThrow(/got NaN for token 2/)
    expect(broken.open.size).toBe(0)
  })

  it('says how far it is, and stops when it is told to', async () => {
    const { model } = counter()
    const seen: [number, number][] = []
    const onProgress = (done: number, total: number) => seen.push([done, total])
    await collect(model, [1], { maxTokens: 3, onProgress })
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(collect(model, [1], { signal })).rejects.toThrow('enough')
  })

  it('refuses prompts that the model cannot read, and two ways to choose', async () => {
    const { model } = counter()
    await expect(collect(model, [])).rejects.toThrow(ShapeError)
    await expect(collect(model, Array(CONTEXT + 1).fill(1))).rejects.toThrow(
      '[decode/generate] expected a prompt of 1 to 10 tokens, got 11',
    )
    await expect(collect(model, [1], { sampler: temperature(1), temperature: 1 })).rejects.toThrow(
      'expected a sampler or a temperature, got temperature and 1',
    )
  })
})
