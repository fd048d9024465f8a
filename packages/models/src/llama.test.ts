import { existsSync, readFileSync } from 'node:fs'
import { affine, decode, ShapeError, Tensor } from '@tersor/core-tensor'
import { quantizeAffine } from '@tersor/core-tensor/reference'
import { generate } from '@tersor/decode'
import { describe, expect, it } from 'vitest'
import { Llama } from './llama.ts'
import { loadModel } from './load-model.ts'
import { randomLlama, smallConfig, smallMixture } from './testing/random-llama.ts'
import { llama2cTokenizer } from './tokenizers/llama2c-tokenizer.ts'
import { blockWeightNames, EMBEDDING, expertWeightNames, FINAL_NORM } from './weight-names.ts'

const data = new URL('../../../../shared/data/', import.meta.url)
const stories = new URL('lm-stories260k/stories260K.bin', data)
const golden = new URL('golden/stories260k-logits.json', data)
const present = existsSync(stories) && existsSync(golden)

const tokens = Int32Array.of(1, 5, 9, 2, 17, 23, 4)

async function logitsOf(model: Llama, input: Int32Array): Promise<Float32Array> {
  const { logits } = await model.forward(input, { cache: model.createCache(), logits: 'all' })
  return logits!.data as Float32Array
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

/** The whole forward pass in plain loops and float64, after the paper's equations. */
function naiveLogits(model: Llama, input: Int32Array): Float64Array {
  const { config } = model
  const { layers, heads, kvHeads, headDim, hiddenSize: d, epsilon, ropeBase, vocabSize } = config
  const weight = (name: string) => decode(model.weights.get(name)!).data as Float32Array
  const multiply = (x: number[], name: string) => {
    const w = weight(name)
    return Array.from({ length: w.length / x.length }, (_, o) =>
      x.reduce((sum, value, i) => sum + value * w[o * x.length + i]!, 0),
    )
  }
  const norm = (x: number[], name: string) => {
    const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / d + epsilon)
    return x.map((value, i) => value * scale * weight(name)[i]!)
  }
  const rotate = (x: number[], position: number) => {
    const y = [...x]
    for (let head = 0; head < x.length; head += headDim) {
      for (let i = 0; i < headDim / 2; i++) {
        const [a, b] =
          config.ropeLayout === 'half' ? [head + i, head + i + headDim / 2] : [head + 2 * i, head + 2 * i + 1]
        const angle = position * ropeBase ** ((-2 * i) / headDim)
        y[a] = x[a]! * Math.cos(angle) - x[b]! * Math.sin(angle)
        y[b] = x[a]! * Math.sin(angle) + x[b]! * Math.cos(angle)
      }
    }
    return y
  }
  let states = Array.from(input, token => Array.from(weight(EMBEDDING).subarray(token * d, (token + 1) * d)))
  for (let layer = 0; layer < layers; layer++) {
    const names = blockWeightNames(layer)
    const normed = states.map(x => norm(x, names.attentionNorm))
    const q = normed.map((x, t) => rotate(multiply(x, names.query), t))
    const k = normed.map((x, t) => rotate(multiply(x, names.key), t))
    const v = normed.map(x => multiply(x, names.value))
    states = states.map((x, t) => {
      const joined: number[] = []
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor((head * kvHeads) / heads) * headDim
        const scores = k.slice(0, t + 1).map(key => {
          let dot = 0
          for (let i = 0; i < headDim; i++) dot += q[t]![head * headDim + i]! * key[kv + i]!
          return Math.exp(dot / Math.sqrt(headDim))
        })
        const total = scores.reduce((a, b) => a + b, 0)
        for (let i = 0; i < headDim; i++)
          joined.push(scores.reduce((sum, score, s) => sum + (score / total) * v[s]![kv + i]!, 0))
      }
      return multiply(joined, names.output).map((value, i) => value + x[i]!)
    })
    const network = (h: number[], names: { gate: string; up: string; down: string }) => {
      const up = multiply(h, names.up)
      const inner = multiply(h, names.gate).map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!)
      return multiply(inner, names.down)
    }
    states = states.map(x => {
      const h = norm(x, names.feedForwardNorm)
      if (config.experts === undefined) return network(h, names).map((value, i) => value + x[i]!)
      // As Hugging Face has it: probabilities of all experts, the largest kept and made to add up to 1.
      const exps = multiply(h, names.router).map(Math.exp)
      const order = exps.map((_, expert) => expert).sort((a, b) => exps[b]! - exps[a]!)
      const chosen = order.slice(0, config.expertsPerToken)
      const total = chosen.reduce((sum, expert) => sum + exps[expert]!, 0)
      const said = chosen.map(expert =>
        network(h, expertWeightNames(layer, expert)).map(value => (value * exps[expert]!) / total),
      )
      return x.map((value, i) => said.reduce((sum, y) => sum + y[i]!, value))
    })
  }
  const logits = new Float64Array(input.length * vocabSize)
  states.forEach((x, t) => {
    logits.set(multiply(norm(x, FINAL_NORM), model.headWeight), t * vocabSize)
  })
  return logits
}

describe('Llama', () => {
  for (const ropeLayout of ['half', 'interleaved'] as const) {
    for (const tied of [true, false]) {
      it(`computes what the equations say, ${ropeLayout} rotation, ${tied ? 'tied' : 'untied'} head`, async () => {
        const model = randomLlama({ ...smallConfig, ropeLayout, tied })
        expect(largestDifference(await logitsOf(model, tokens), naiveLogits(model, tokens))).toBeLessThan(
          2e-5,
        )
      })
    }
  }

  for (const expertsPerToken of [1, 2, 5]) {
    it(`computes what the equations say with ${expertsPerToken} of 5 experts a token`, async () => {
      const model = randomLlama({ ...smallMixture, expertsPerToken })
      expect(largestDifference(await logitsOf(model, tokens), naiveLogits(model, tokens))).toBeLessThan(2e-5)
    })
  }

  it.each([
    ['dense', smallConfig],
    ['a mixture', smallMixture],
  ])('gives the same logits token by token as at once, %s', async (_, config) => {
    const model = randomLlama(config)
    const whole = await logitsOf(model, tokens)
    const cache = model.createCache()
    for (let t = 0; t < tokens.length; t++) {
      const { logits } = await model.forward(tokens.slice(t, t + 1), { cache })
      const row = whole.subarray(t * model.config.vocabSize, (t + 1) * model.config.vocabSize)
      expect(largestDifference(logits!.data as Float32Array, row)).toBeLessThan(1e-5)
    }
    expect(cache.length).toBe(tokens.length)
  })

  it('runs on compressed weights as on what they decode to', async () => {
    const model = randomLlama()
    const name = blockWeightNames(0).gate
    const weight = model.weights.get(name) as Tensor
    const scale = new Tensor('float32', new Float32Array(weight.dims[0]!).fill(0.15), [weight.dims[0]!, 1])
    const zero = new Tensor('uint8', new Uint8Array(weight.dims[0]!).fill(8), [weight.dims[0]!, 1])
    const options = { bits: 4, group: weight.dims[1]!, axis: 1 }
    const small = affine(
      { codes: quantizeAffine(weight, scale, { ...options, zero }), scale, zero },
      { ...options, dims: weight.dims },
    )
    const compressed = model.with(new Map([[name, small]]))
    const decodedModel = model.with(new Map([[name, decode(small)]]))
    const logits = await logitsOf(compressed, tokens)
    expect(largestDifference(logits, await logitsOf(decodedModel, tokens))).toBeLessThan(1e-6)
    expect(largestDifference(logits, await logitsOf(model, tokens))).toBeGreaterThan(1e-3)
  })

  it('shows each distinct input of linear layers to taps once', async () => {
    const model = randomLlama()
    const seen: string[] = []
    const masses: number[] = []
    await model.forward(tokens, {
      cache: model.createCache(),
      taps: {
        linear: (names, x) => seen.push(`${names.map(name => name.split('.').at(-2)).join('+')} ${x.dims}`),
        attention: (_, mass) => masses.push((mass.data as Float32Array).reduce((a, b) => a + b, 0)),
      },
    })
    const block = ['q_proj+k_proj+v_proj 7,16', 'o_proj 7,16', 'gate_proj+up_proj 7,16', 'down_proj 7,20']
    expect(seen).toEqual([...block, ...block, 'embed_tokens 1,16'])
    // Every query hands out a weight of one in every head.
    for (const mass of masses) expect(mass).toBeCloseTo(smallConfig.heads * tokens.length, 4)
  })

  it('says what is wrong with weights, tokens and contexts', async () => {
    const model = randomLlama()
    const missing = new Map(model.weights)
    missing.delete(FINAL_NORM)
    expect(() => new Llama(smallConfig, missing)).toThrow(/model\.norm\.weight.*got none/)
    expect(() => model.with(new Map([[FINAL_NORM, new Tensor('float32', [1], [1])]]))).toThrow(ShapeError)
    await expect(logitsOf(model, Int32Array.of(24))).rejects.toThrow(/tokens from 0 to 23, got 24/)
    await expect(logitsOf(model, new Int32Array(33))).rejects.toThrow(/position from 0 to 31/)
    const abort = AbortSignal.abort(new Error('enough'))
    await expect(model.forward(tokens, { cache: model.createCache(), signal: abort })).rejects.toThrow(
      'enough',
    )
  })
})

describe.skipIf(!present)('stories260K (needs ../shared/data)', () => {
  const cases = present ? (JSON.parse(readFileSync(golden, 'utf8')) as { cases: GoldenCase[] }).cases : []

  for (const { prompt, promptTokens, logits, greedyTokens } of cases) {
    it(`matches the golden logits and text of «${prompt}»`, async () => {
      const model = await loadModel(stories.pathname)
      const tokenizer = llama2cTokenizer(readFileSync(new URL('lm-stories260k/tok512.bin', data)))
      expect([tokenizer.bos, ...tokenizer.encode(prompt)]).toEqual(promptTokens)

      const start = Int32Array.from([promptTokens[0]!, ...greedyTokens].slice(0, logits.length))
      expect(largestDifference(await logitsOf(model, start), logits.flat())).toBeLessThan(1e-4)

      const continued = promptTokens.slice(1)
      for await (const token of generate(model, Int32Array.from(promptTokens), {
        maxTokens: greedyTokens.length - continued.length,
      })) {
        continued.push(token)
      }
      expect(continued).toEqual(greedyTokens)
      expect(tokenizer.decode(continued).startsWith(prompt)).toBe(true)
    })
  }
})

interface GoldenCase {
  prompt: string
  promptTokens: number[]
  logits: number[][]
  greedyTokens: number[]
}
