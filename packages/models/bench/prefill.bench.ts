/**
 * Speed of prefill: `npx tsx --conditions=@tersor/source packages/models/bench/prefill.bench.ts MODEL`,
 * with a llama2.c model such as stories260K.bin.
 *
 * A multiplication and an addition count as two operations: those of the linear layers and of
 * attention over the keys that each token sees. Bytes are those of the weights and of the cache.
 */
import { byteLength, Rng } from '@tersor/core-tensor'
import { loadModel } from '@tersor/models'

const path = process.argv[2]
if (path === undefined) throw new Error('[prefill.bench] expected the path of a model')
const model = await loadModel(path)
const { contextLength, mixers, vocabSize } = model.config
const length = Math.min(512, contextLength)
const rng = new Rng(1)
const tokens = Int32Array.from({ length }, () => rng.integer(vocabSize))

const linears = [...mixers.flatMap((_, layer) => model.blockWeights(layer)), model.headWeight]
const multiplied = linears.reduce(
  (sum, name) => sum + model.weights.get(name)!.dims.reduce((a, b) => a * b),
  0,
)
const seen = (length * (length + 1)) / 2
const attended = mixers.reduce(
  (sum, mixer) => sum + (mixer.kind === 'attention' ? mixer.heads * mixer.headDim : 0),
  0,
)
const operations = 2 * length * multiplied + 2 * 2 * attended * seen
let bytes = 0
for (const weight of model.weights.values()) bytes += byteLength(weight)

const times: number[] = []
for (let window = 0; window < 15; window++) {
  const cache = model.createCache()
  const start = process.cpuUsage()
  await model.forward(tokens, { cache, logits: 'all' })
  const { user, system } = process.cpuUsage(start)
  if (window >= 4) times.push((user + system) / 1e6)
  if (window === 0) bytes += cache.byteLength
  cache.dispose()
}
const seconds = times.sort((a, b) => a - b)[times.length >> 1]!
console.log(
  `prefill of ${length} tokens: ${(length / seconds).toFixed(0)} tokens/s, ${(1000 * seconds).toFixed(0)} ms`,
)
console.log(
  `${(operations / 1e6).toFixed(0)} million operations on ${(bytes / 1e6).toFixed(1)} MB: ${(operations / seconds / 1e9).toFixed(2)} GFLOP/s`,
)
