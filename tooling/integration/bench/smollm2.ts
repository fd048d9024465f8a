// SmolLM2-135M-Instruct as its GGUF is: nats of three texts against the reference implementation, greedy texts, loading, decoding and memory.
// pnpm bench:smollm2 [share of each text]; needs ../shared/data beside the repository.

import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { createNativeDevice } from '@tersor/backend-native'
import { argmax, byteLength, isEncoded } from '@tersor/core-tensor'
import { type Decoder, loadModel, openModel } from '@tersor/models'

const data = fileURLToPath(new URL('../../../../shared/data/', import.meta.url))
const golden = `${data}golden/smollm2/`
const share = Number(process.argv[2] ?? 1)
/** Tokens whose logits are held at a time. */
const PIECE = 128

const started = performance.now()
const device = await createNativeDevice({ threads: 1 })
const file = await openModel(`${data}lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf`)
const model = await loadModel(file, { device })
const loaded = performance.now() - started
const first = performance.now()
await decode(model, [1], 1)
console.log(
  `loaded in ${(loaded / 1e3).toFixed(2)} s, first token ${((performance.now() - first) / 1e3).toFixed(2)} s later`,
)
const held = [...model.weights.values()].reduce(
  (sum, weight) => sum + (isEncoded(weight) ? byteLength(weight) : weight.byteLength),
  0,
)
console.log(`holds ${(held / 1e6).toFixed(1)} MB for a file of ${(file.fileBytes / 1e6).toFixed(1)} MB`)

const times: number[] = []
for (let run = 0; run < 5; run++) {
  const from = performance.now()
  await decode(model, [1, 520, 9531], 48)
  times.push((performance.now() - from) / 48)
}
console.log(`decodes in ${times.sort((a, b) => a - b)[2]!.toFixed(1)} ms a token, one thread, median of 5`)

interface Run {
  name: string
  ids: number[]
  gap: number[]
}
const { runs } = json<{ runs: Run[] }>('greedy.hf.json')
const prompts = json<{ name: string; ids: number[] }[]>('prompts.json')
for (const { name, ids, gap } of runs) {
  const prompt = prompts.find(each => each.name === name)!
  const got = await decode(model, prompt.ids, ids.length)
  const fork = got.findIndex((token, i) => token !== ids[i])
  console.log(
    `greedy ${name}: ${fork < 0 ? 'the same tokens' : `other from token ${fork} on, where the margin is ${gap?.[fork]}`}`,
  )
}

for (const text of ['wikitext2-valid', 'qmsum-1', 'tinyshakespeare']) {
  const { windows } = json<{
    windows: { start: number; tokens: number; predicted: number; nll_sum: number }[]
  }>(`ppl/${text}.hf.json`)
  const bytes = readFileSync(`${golden}ppl/${text}.ids.u16`)
  const ids = Int32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2))
  const some = windows.slice(0, Math.max(1, Math.round(share * windows.length)))
  let [sum, expected, count] = [0, 0, 0]
  for (const { start, tokens, predicted, nll_sum } of some) {
    sum += await nats(model, ids.slice(start, start + tokens))
    expected += nll_sum
    count += predicted
  }
  console.log(
    `${text}: ${(sum / count).toFixed(6)} nats, reference ${(expected / count).toFixed(6)}, difference ${((sum - expected) / count).toExponential(1)} over ${count} tokens`,
  )
}
await file.close()

/** Greedy tokens after a prompt. */
async function decode(model: Decoder, prompt: readonly number[], count: number): Promise<number[]> {
  const cache = model.createCache({ length: prompt.length + count })
  const made: number[] = []
  let next = Int32Array.from(prompt)
  for (let step = 0; step < count; step++) {
    const { logits } = await model.forward(next, { cache })
    made.push(argmax(logits!.data as Float32Array))
    logits!.dispose()
    next = Int32Array.of(made.at(-1)!)
  }
  cache.dispose()
  return made
}

/** −Σ ln p of all tokens but the first. */
async function nats(model: Decoder, ids: Int32Array): Promise<number> {
  const cache = model.createCache({ length: ids.length })
  let sum = 0
  for (let from = 0; from < ids.length; from += PIECE) {
    const piece = ids.slice(from, from + PIECE)
    const { logits } = await model.forward(piece, { cache, logits: 'all' })
    const all = logits!.data as Float32Array
    const vocabulary = all.length / piece.length
    for (let i = 0; i < piece.length && from + i + 1 < ids.length; i++) {
      const row = all.subarray(i * vocabulary, (i + 1) * vocabulary)
      const largest = row.reduce((a, b) => Math.max(a, b))
      let mass = 0
      for (const logit of row) mass += Math.exp(logit - largest)
      sum += largest + Math.log(mass) - row[ids[from + i + 1]!]!
    }
    logits!.dispose()
  }
  cache.dispose()
  return sum
}

function json<T>(name: string): T {
  return JSON.parse(readFileSync(golden + name, 'utf8'))
}
