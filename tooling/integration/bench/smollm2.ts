// SmolLM2-135M-Instruct as its GGUF is: nats of three texts against the reference implementation, greedy texts, loading, decoding and memory.
// pnpm bench:smollm2 [share of each text]; needs ../shared/data beside the repository.

import { performance } from 'node:perf_hooks'
import { createNativeDevice } from '@tersor/backend-native'
import { byteLength, isEncoded } from '@tersor/core-tensor'
import { loadModel, openModel } from '@tersor/models'
import { goldenJson, goldenNumbers, greedyTokens, natsOf, promptOf, smolLm2 } from '../src/testing/smollm2.ts'

const share = Number(process.argv[2] ?? 1)

const started = performance.now()
const device = await createNativeDevice({ threads: 1 })
const file = await openModel(smolLm2)
const model = await loadModel(file, { device })
const loaded = performance.now() - started
const first = performance.now()
await greedyTokens(model, [1], 1)
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
  await greedyTokens(model, [1, 520, 9531], 48)
  times.push((performance.now() - from) / 48)
}
console.log(`decodes in ${times.sort((a, b) => a - b)[2]!.toFixed(1)} ms a token, one thread, median of 5`)

interface Run {
  name: string
  ids: number[]
  gap: number[]
}
const { runs } = goldenJson<{ runs: Run[] }>('greedy.hf.json')
for (const { name, ids, gap } of runs) {
  const got = await greedyTokens(model, promptOf(name), ids.length)
  const fork = got.findIndex((token, i) => token !== ids[i])
  console.log(
    `greedy ${name}: ${fork < 0 ? 'the same tokens' : `other from token ${fork} on, where the margin is ${gap?.[fork]}`}`,
  )
}

for (const text of ['wikitext2-valid', 'qmsum-1', 'tinyshakespeare']) {
  const { windows } = goldenJson<{
    windows: { start: number; tokens: number; predicted: number; nll_sum: number }[]
  }>(`ppl/${text}.hf.json`)
  const ids = Int32Array.from(goldenNumbers(Uint16Array, `ppl/${text}.ids.u16`))
  const some = windows.slice(0, Math.max(1, Math.round(share * windows.length)))
  let [sum, expected, count] = [0, 0, 0]
  for (const { start, tokens, predicted, nll_sum } of some) {
    sum += await natsOf(model, ids.slice(start, start + tokens))
    expected += nll_sum
    count += predicted
  }
  console.log(
    `${text}: ${(sum / count).toFixed(6)} nats, reference ${(expected / count).toFixed(6)}, difference ${((sum - expected) / count).toExponential(1)} over ${count} tokens`,
  )
}
await file.close()
