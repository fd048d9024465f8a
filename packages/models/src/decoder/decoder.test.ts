import { existsSync, readFileSync } from 'node:fs'
import { affine, decode, ShapeError, Tensor } from '@tersor/core-tensor'
import { quantizeAffine } from '@tersor/core-tensor/reference'
import { generate } from '@tersor/decode'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import { loadModel } from '../files/load-model.ts'
import { randomModel, smallConfig, smallJson, smallMixture } from '../testing/random-model.ts'
import { llama2cTokenizer } from '../tokenizers/llama2c-tokenizer.ts'
import type { DecoderConfig } from './config.ts'
import { Decoder } from './decoder.ts'
import { EMBEDDING, FINAL_NORM, inLayer } from './roles.ts'

const data = new URL('../../../../../shared/data/', import.meta.url)
const stories = new URL('lm-stories260k/stories260K.bin', data)
const golden = new URL('golden/stories260k-logits.json', data)
const present = existsSync(stories) && existsSync(golden)

const tokens = Int32Array.of(1, 5, 9, 2, 17, 23, 4)

async function logitsOf(model: Decoder, input: Int32Array): Promise<Float32Array> {
  const { logits } = await model.forward(input, { cache: model.createCache(), logits: 'all' })
  return logits!.data as Float32Array
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

const { num_attention_heads: heads, num_key_value_heads: kvHeads, rope_theta: ropeBase } = smallJson
const { hidden_size: d, rms_norm_eps: epsilon, num_hidden_layers: layers } = smallJson
const headDim = d / heads

type Layout = 'half' | 'interleaved'

/** A configuration whose queries and keys turn in another layout. */
function turning(config: DecoderConfig, layout: Layout): DecoderConfig {
  const mixers = config.mixers.map(mixer =>
    mixer.kind === 'attention' && mixer.rope !== undefined
      ? { ...mixer, rope: { ...mixer.rope, layout } }
      : mixer,
  )
  return { ...config, mixers }
}

/** The whole forward pass in plain loops and float64, after the paper's equations. */
function naiveLogits(
  model: Decoder,
  input: Int32Array,
  { layout = 'half', perToken }: { layout?: Layout; perToken?: number } = {},
): Float64Array {
  const { vocabSize } = model.config
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
          layout === 'half' ? [head + i, head + i + headDim / 2] : [head + 2 * i, head + 2 * i + 1]
        const angle = position * ropeBase ** ((-2 * i) / headDim)
        y[a] = x[a]! * Math.cos(angle) - x[b]! * Math.sin(angle)
        y[b] = x[a]! * Math.sin(angle) + x[b]! * Math.cos(angle)
      }
    }
    return y
  }
  let states = Array.from(input, token => Array.from(weight(EMBEDDING).subarray(token * d, (token + 1) * d)))
  for (let layer = 0; layer < layers; layer++) {
    const of = (role: string) => inLayer(layer, role)
    const normed = states.map(x => norm(x, of('attention.before')))
    const q = normed.map((x, t) => rotate(multiply(x, of('attention.query')), t))
    const k = normed.map((x, t) => rotate(multiply(x, of('attention.key')), t))
    const v = normed.map(x => multiply(x, of('attention.value')))
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
      return multiply(joined, of('attention.output')).map((value, i) => value + x[i]!)
    })
    const network = (h: number[], prefix: string) => {
      const up = multiply(h, of(`${prefix}.up`))
      const inner = multiply(h, of(`${prefix}.gate`)).map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!)
      return multiply(inner, of(`${prefix}.down`))
    }
    states = states.map(x => {
      const h = norm(x, of('feedForward.before'))
      if (perToken === undefined) return network(h, 'feedForward').map((value, i) => value + x[i]!)
      // As Hugging Face has it: probabilities of all experts, the largest kept and made to add up to 1.
      const exps = multiply(h, of('feedForward.router')).map(Math.exp)
      const order = exps.map((_, expert) => expert).sort((a, b) => exps[b]! - exps[a]!)
      const chosen = order.slice(0, perToken)
      const total = chosen.reduce((sum, expert) => sum + exps[expert]!, 0)
      const said = chosen.map(expert =>
        network(h, `feedForward.experts.${expert}`).map(value => (value * exps[expert]!) / total),
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

describe('Decoder', () => {
  for (const layout of ['half', 'interleaved'] as const) {
    for (const tied of [true, false]) {
      it(`computes what the equations say, ${layout} rotation, ${tied ? 'tied' : 'untied'} head`, async () => {
        const config = configFromHuggingFace({ ...smallJson, tie_word_embeddings: tied })
        const model = randomModel(turning(config, layout))
        const expected = naiveLogits(model, tokens, { layout })
        expect(largestDifference(await logitsOf(model, tokens), expected)).toBeLessThan(2e-5)
      })
    }
  }

  for (const perToken of [1, 2, 5]) {
    it(`computes what the equations say with ${perToken} of 5 experts a token`, async () => {
      const experts = { num_local_experts: 5, num_experts_per_tok: perToken }
      const model = randomModel(configFromHuggingFace({ ...smallJson, model_type: 'mixtral', ...experts }))
      const expected = naiveLogits(model, tokens, { perToken })
      expect(largestDifference(await logitsOf(model, tokens), expected)).toBeLessThan(2e-5)
    })
  }

  it.each([
    ['dense', smallConfig],
    ['a mixture', smallMixture],
  ])('gives the same logits token by token as at once, %s', async (_, config) => {
    const model = randomModel(config)
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
    const model = randomModel()
    const name = inLayer(0, 'feedForward.gate')
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
    const model = randomModel()
    const seen: string[] = []
    const masses: number[] = []
    await model.forward(tokens, {
      cache: model.createCache(),
      taps: {
        linear: (names, x) => seen.push(`${names.map(name => name.split('.').at(-1)).join('+')} ${x.dims}`),
        attention: (_, mass) => masses.push((mass.data as Float32Array).reduce((a, b) => a + b, 0)),
      },
    })
    const block = ['query+key+value 7,16', 'output 7,16', 'gate+up 7,16', 'down 7,20']
    expect(seen).toEqual([...block, ...block, 'tokens 1,16'])
    // Every query hands out a weight of one in every head.
    for (const mass of masses) expect(mass).toBeCloseTo(heads * tokens.length, 4)
  })

  it('says what is wrong with weights, tokens and contexts', async () => {
    const model = randomModel()
    const missing = new Map(model.weights)
    missing.delete(FINAL_NORM)
    expect(() => new Decoder(smallConfig, missing)).toThrow(/'norm'.*got none/)
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
