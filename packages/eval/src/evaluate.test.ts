import {
  type CausalLM,
  type KVCache,
  NumericalError,
  Rng,
  reference,
  ShapeError,
  Tensor,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { bitsPerByte } from './bits-per-byte.ts'
import { evaluate, recordLogits } from './evaluate.ts'
import { type EvaluationWindow, evaluationWindows } from './evaluation-windows.ts'
import { meanOf } from './mean.ts'
import { perplexity } from './perplexity.ts'

const VOCABULARY = 5

/** A model whose logits depend on the last token alone: a table of (VOCABULARY, VOCABULARY) numbers. */
function bigram(table: readonly (readonly number[])[]): CausalLM {
  return {
    config: { vocabSize: table.length, contextLength: 4, hiddenSize: 2, mixers: [] },
    device: reference,
    createCache: () => ({ dispose() {} }) as KVCache,
    async forward(tokens) {
      const rows = Array.from(tokens, token => table[token]!)
      return { logits: new Tensor('float32', rows.flat(), [tokens.length, table.length]) }
    },
  }
}

const random = (seed: number, size = VOCABULARY) => {
  const rng = new Rng(seed)
  return Array.from({ length: size }, () => Array.from({ length: size }, () => Math.fround(rng.normal())))
}

const probabilities = (row: readonly number[]) => {
  const weights = row.map(Math.exp)
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map(weight => weight / total)
}

const table = random(1)
const text = Int32Array.of(3, 1, 4, 1, 2, 0, 2)

describe('evaluationWindows', () => {
  const scored = (windows: readonly EvaluationWindow[]) =>
    windows.flatMap(({ tokens, from }) => [...tokens.subarray(from)])

  it('scores every token exactly once, whatever the stride', () => {
    for (const bos of [0, undefined]) {
      for (let contextLength = 2; contextLength < 10; contextLength++) {
        for (let stride = 1; stride <= contextLength - (bos === undefined ? 1 : 1); stride++) {
          const windows = evaluationWindows(text, { contextLength, stride, bos })
          expect(scored(windows)).toEqual([...text].slice(bos === undefined ? 1 : 0))
          expect(Math.max(...windows.map(({ tokens }) => tokens.length))).toBeLessThanOrEqual(contextLength)
        }
      }
    }
  })

  it('puts a text shorter than the context into one window after the beginning token', () => {
    expect(evaluationWindows(text, { contextLength: 512, bos: 9 })).toEqual([
      { tokens: Int32Array.from([9, ...text]), from: 1 },
    ])
  })

  it('gives later tokens as much context as the stride leaves', () => {
    const windows = evaluationWindows(text, { contextLength: 5, stride: 1, bos: 9 })
    expect(windows.at(-1)).toEqual({ tokens: Int32Array.of(9, 1, 2, 0, 2), from: 4 })
  })

  it('cuts windows that share no token, and leaves out the first of each', () => {
    const apart = evaluationWindows(text, { contextLength: 3, stride: 3 })
    expect(apart.map(({ tokens }) => [...tokens])).toEqual([
      [3, 1, 4],
      [1, 2, 0],
    ])
    expect(apart.map(({ from }) => from)).toEqual([1, 1])
  })

  it('refuses strides and texts without anything to score', () => {
    expect(() => evaluationWindows(text, { contextLength: 4, stride: 5 })).toThrow(ShapeError)
    expect(() => evaluationWindows(text, { contextLength: 1 })).toThrow(ShapeError)
    expect(() => evaluationWindows(Int32Array.of(1), { contextLength: 4 })).toThrow(/a token to score, got 1/)
  })
})

describe('evaluate', () => {
  const windows = evaluationWindows(text, { contextLength: 4, bos: 0 })

  it('matches perplexity worked out by hand', async () => {
    const { nats, perplexity: value, tokens } = await evaluate(bigram(table), windows)
    // Windows of four: 0|3 1 4, 0|1 2 0, 0|2.
    const pairs = [
      [0, 3],
      [3, 1],
      [1, 4],
      [0, 1],
      [1, 2],
      [2, 0],
      [0, 2],
    ] as const
    const losses = pairs.map(([from, to]) => -Math.log(probabilities(table[from]!)[to]!))
    const mean = losses.reduce((a, b) => a + b, 0) / 7
    expect(nats.mean).toBeCloseTo(mean, 6)
    expect(value).toBeCloseTo(Math.exp(mean), 6)
    expect(tokens).toBe(7)
    expect((await perplexity(bigram(table), text, { bos: 0 })).nats.mean).toBe(nats.mean)
  })

  it('matches the divergence worked out by hand, with its paired standard error', async () => {
    const other = random(2)
    const { divergence } = await evaluate(bigram(other), windows, { against: bigram(table) })
    const froms = [0, 3, 1, 0, 1, 2, 0]
    const tos = [3, 1, 4, 1, 2, 0, 2]
    const kl = froms.map(from => {
      const [p, q] = [probabilities(table[from]!), probabilities(other[from]!)]
      return p.reduce((sum, weight, i) => sum + weight * Math.log(weight / q[i]!), 0)
    })
    expect(divergence!.kl.mean).toBeCloseTo(meanOf(kl).mean, 6)
    expect(divergence!.kl.standardError).toBeCloseTo(meanOf(kl).standardError, 6)
    const best = (row: readonly number[]) => row.indexOf(Math.max(...row))
    const agreed = froms.filter(from => best(table[from]!) === best(other[from]!)).length / 7
    expect(divergence!.top1Agreement.mean).toBeCloseTo(agreed, 12)
    const delta = froms.map(
      (from, i) =>
        Math.log(probabilities(table[from]!)[tos[i]!]!) - Math.log(probabilities(other[from]!)[tos[i]!]!),
    )
    expect(divergence!.deltaNats.mean).toBeCloseTo(meanOf(delta).mean, 6)
  })

  it('finds no distance from itself, recorded or not', async () => {
    const recorded = await recordLogits(bigram(table), windows)
    for (const against of [bigram(table), recorded]) {
      const { divergence } = await evaluate(bigram(table), windows, { against })
      expect([divergence!.kl.mean, divergence!.top1Agreement.mean, divergence!.deltaNats.mean]).toEqual([
        0, 1, 0,
      ])
    }
  })

  it('names the token whose loss is not finite, and the model that it is of', async () => {
    const broken = table.map((row, token) => row.map(logit => (token === 2 ? Number.NaN : logit)))
    await expect(evaluate(bigram(broken), windows)).rejects.toThrow(NumericalError)
    await expect(evaluate(bigram(broken), windows)).rejects.toThrow(
      /expected finite losses, got NaN from the model at token \d of window \d; its weights or activations/,
    )
    await expect(evaluate(bigram(table), windows, { against: bigram(broken) })).rejects.toThrow(
      /got NaN from the model that it is compared with at token/,
    )
    const endless = table.map(row => row.map((logit, i) => (i === 1 ? -Infinity : logit)))
    await expect(evaluate(bigram(endless), windows)).rejects.toThrow(/got Infinity from the model/)
  })

  it('stops between tokens, whoever aborts it from outside', async () => {
    const stop = new AbortController()
    const onProgress = (done: number) => done === 1 && stop.abort(new Error('enough'))
    await expect(evaluate(bigram(table), windows, { signal: stop.signal, onProgress })).rejects.toThrow(
      'enough',
    )
    const aborted = { signal: AbortSignal.abort(new Error('at once')) }
    await expect(recordLogits(bigram(table), windows, aborted)).rejects.toThrow('at once')
  })

  it('holds the logits of few tokens at a time, computes none that nobody reads, and gives back every cache', async () => {
    const asked: [number, string | undefined][] = []
    let caches = 0
    const model: CausalLM = {
      ...bigram(table),
      createCache() {
        caches++
        return { dispose: () => caches-- } as unknown as KVCache
      },
      forward(tokens, options) {
        asked.push([tokens.length, options.logits])
        return bigram(table).forward(tokens, options)
      },
    }
    const tokens = Int32Array.from({ length: 200 }, (_, i) => (7 * i) % VOCABULARY)
    const { nats } = await evaluate(model, [{ tokens, from: 71 }])
    expect(asked).toEqual([
      [64, 'none'],
      [6, 'none'],
      [64, 'all'],
      [64, 'all'],
      [1, 'all'],
    ])
    const losses = Array.from({ length: 129 }, (_, i) => {
      const [from, to] = [tokens[i + 70]!, tokens[i + 71]!]
      return -Math.log(probabilities(table[from]!)[to]!)
    })
    expect(nats.mean).toBeCloseTo(losses.reduce((a, b) => a + b) / 129, 9)
    const broken = () => [Float32Array.from({ length: VOCABULARY + 1 })]
    await expect(evaluate(model, windows, { against: broken })).rejects.toThrow(/one vocabulary, got 5 and 6/)
    await expect(evaluate(() => [new Float32Array(5)], windows)).rejects.toThrow(
      /logits for 3 tokens .+ got 1/,
    )
    expect(caches).toBe(0)
  })

  it('refuses another vocabulary, reports progress and stops when told to', async () => {
    await expect(evaluate(bigram(table), windows, { against: bigram(random(1, 6)) })).rejects.toThrow(
      ShapeError,
    )
    const seen: number[] = []
    await evaluate(bigram(table), windows, { onProgress: done => seen.push(done) })
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
    await expect(
      evaluate(bigram(table), windows, { signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop')
  })
})

describe('bitsPerByte', () => {
  it('spreads the bits of all tokens over the bytes of the text', () => {
    expect(bitsPerByte(2 * Math.LN2, 6, 4)).toBeCloseTo(3, 12)
  })
})
