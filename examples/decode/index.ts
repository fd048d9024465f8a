// A model goes on with a text: the likeliest tokens, drawn ones, and a sampler of one's own.

import { fileURLToPath } from 'node:url'
import { generate, greedy, type Sampler, temperature } from '@tersor/decode'
import { loadModel, openTokenizer } from '@tersor/models'
import { tinyLm } from '@tersor/tiny-lm'

const model = await loadModel(fileURLToPath(tinyLm))
const tokenizer = await openTokenizer(fileURLToPath(new URL('tokenizer.json', tinyLm)))
const encode = (text: string) => Int32Array.of(tokenizer.bos!, ...tokenizer.encode(text))

async function complete(prompt: string, sampler: Sampler, { maxTokens = 40, seed = 0 } = {}) {
  const tokens: number[] = []
  const stop = tokenizer.encode('\n')[0]!
  for await (const token of generate(model, encode(prompt), { sampler, maxTokens, seed, stop }))
    tokens.push(token)
  return tokenizer.decode(tokens)
}

// Where one answer is right, the likeliest tokens give it.
const list = 'Copy: hen fig jug axe cup\nCopied:'
console.log(`${list}${await complete(list, greedy())}\n`)

// Where many continuations are possible, draws differ by seed, and more so the higher the temperature.
const story = 'Hasan was in the attic. Then'
for (const t of [0.3, 1, 2]) {
  for (const seed of [1, 2]) {
    const text = await complete(story, temperature(t), { maxTokens: 24, seed })
    console.log(`temperature ${t}, seed ${seed}: ${story}${text}`)
  }
}

/** Draws among the k likeliest tokens: all others are masked, and another sampler chooses. */
function topK(k: number, then: Sampler): Sampler {
  return Object.freeze({
    name: 'topK',
    choose(scores, rng) {
      const least = scores.toSorted().at(-k) ?? -Infinity
      return then.choose(
        scores.map(score => (score < least ? -Infinity : score)),
        rng,
      )
    },
  } satisfies Sampler)
}

console.log()
for (const k of [1, 5, 50]) {
  const text = await complete(story, topK(k, temperature(2)), { maxTokens: 24, seed: 1 })
  console.log(`the ${k} likeliest at temperature 2: ${story}${text}`)
}
