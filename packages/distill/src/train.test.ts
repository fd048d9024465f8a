import { Rng, type Tensor } from '@tersor/core-tensor'
import { openSafetensors } from '@tersor/formats'
import { Decoder } from '@tersor/models'
import { expect, test, vi } from 'vitest'
import { distillFrom } from './distill-from.ts'
import { initialWeights } from './initial-weights.ts'
import { randomWeights, smallConfig, smallMixture } from './testing/small-llama.ts'
import { type TrainOptions, type TrainProgress, train } from './train.ts'

const untrained = () => new Decoder(smallConfig, randomWeights(smallConfig, 'float32', { spread: 0.1 }))

/** Documents that count up from a random token, modulo the vocabulary: two in each window. */
function data(step: number) {
  const rng = new Rng(1000 + step)
  return Array.from({ length: 3 }, () => {
    const tokens = new Int32Array(16)
    for (let i = 0; i < 16; i++) tokens[i] = i % 8 === 0 ? rng.integer(11) : (tokens[i - 1]! + 1) % 11
    return { tokens, borders: [0, 8, 16] }
  })
}

const bytesOf = (model: Decoder) =>
  Array.from(model.weights.values(), weight => Buffer.from((weight as Tensor).data as Float32Array))

async function run(options: Partial<TrainOptions> = {}, start = untrained()) {
  const progress: TrainProgress[] = []
  const model = await train(start, {
    steps: 60,
    data,
    muon: { rate: 0.1 },
    adamW: { rate: 0.03 },
    onProgress: p => progress.push(p),
    ...options,
  })
  return { model, progress }
}

test('learns to count, and says how it goes', async () => {
  const start = untrained()
  const before = bytesOf(start)
  const { progress } = await run({ peak: 1e12 })
  const last = progress.at(-1)!
  expect(progress.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  expect(progress[0]!.loss).toBeGreaterThan(2.2)
  expect(last.loss).toBeLessThan(0.1)
  expect(last.tokens).toBe(60 * 48)
  expect(last.share).toBeCloseTo(last.flops / 1e12, 12)
  expect(bytesOf(start)).toEqual(before)
})

test('killed and resumed, it ends in the same bits', async () => {
  const whole = await run()
  const kept: [number, Uint8Array][] = []
  const abort = new AbortController()
  const killed = run({
    signal: abort.signal,
    checkpointEvery: 7,
    saveCheckpoint: (bytes, step) => void kept.push([step, bytes.slice()]),
    onProgress({ step }) {
      if (step === 17) abort.abort(new Error('killed'))
    },
  })
  await expect(killed).rejects.toThrow('killed')
  expect(kept.map(([step]) => step)).toEqual([7, 14])
  const { model, progress } = await run({ resume: kept.at(-1)![1] })
  expect(progress[0]!.step).toBe(15)
  expect(bytesOf(model)).toEqual(bytesOf(whole.model))
  expect(progress.at(-1)!.loss).toBe(whole.progress.at(-1)!.loss)
  expect(progress.at(-1)!.tokens).toBe(whole.progress.at(-1)!.tokens)
})

test('experts learn to count too, all of them, and a run that was stopped ends in the same bits', async () => {
  const start = () => new Decoder(smallMixture, initialWeights(smallMixture, { seed: 1 }))
  const kept: Uint8Array[] = []
  const saveCheckpoint = (bytes: Uint8Array) => void kept.push(bytes.slice())
  const whole = await run({ checkpointEvery: 20, saveCheckpoint }, start())
  const last = whole.progress.at(-1)!
  expect(last.loss - last.balance!).toBeLessThan(0.1)
  // Two layers at 0.01 each, were they spread evenly.
  expect(last.balance).toBeLessThan(1.3 * 0.02)
  const resumed = await run({ resume: kept[0]! }, start())
  expect(resumed.progress[0]!.step).toBe(21)
  expect(bytesOf(resumed.model)).toEqual(bytesOf(whole.model))

  const file = await openSafetensors(kept[0]!)
  const block = 'layers.1.feedForward'
  const slots = [...file.tensors.keys()].filter(name => name.includes(block) && !name.startsWith('weight/'))
  // Two for the norm and for the router, one for each matrix.
  expect(slots).toHaveLength(2 * 2 + 4 * 3)
  expect(slots).toContain(`momentum/${block}.experts.3.down`)
  expect(slots).toContain(`mean/${block}.router`)
})

test('accumulation gives the same step, and lengths may differ', async () => {
  const mixed = (step: number) => [...data(step), { tokens: Int32Array.of(3, 4, 5, 6) }]
  const [whole, parts] = await Promise.all([
    run({ steps: 1, data: mixed }),
    run({ steps: 1, data: mixed, batchTokens: 16 }),
  ])
  expect(parts.progress[0]!.loss).toBeCloseTo(whole.progress[0]!.loss, 6)
  expect(parts.progress[0]!.norm).toBeCloseTo(whole.progress[0]!.norm, 5)
})

test('Muon learns this faster than AdamW alone', async () => {
  const [mix, alone] = await Promise.all([run({ steps: 20 }), run({ steps: 20, useMuon: () => false })])
  expect(mix.progress.at(-1)!.loss).toBeLessThan(0.8 * alone.progress.at(-1)!.loss)
})

test('a student learns from a teacher without seeing the text', async () => {
  const teacher = (await run()).model
  const { progress } = await run({
    objective: distillFrom(teacher, { textShare: 0, temperature: 1 }),
  })
  expect(progress[0]!.loss).toBeGreaterThan(1.5)
  expect(progress.at(-1)!.loss).toBeLessThan(0.1)
})

test('checkpoints of something else, empty data and infinite losses are refused', async () => {
  const save = vi.fn()
  await run({ steps: 1, saveCheckpoint: save })
  const [bytes] = save.mock.calls[0] as [Uint8Array]
  const otherOptimizer = run({ resume: bytes, useMuon: () => false })
  await expect(otherOptimizer).rejects.toThrow("expected 'mean/layers.0.attention.query'")
  await expect(run({ resume: new Uint8Array(10) })).rejects.toThrow('safetensors')
  await expect(run({ data: () => [] })).rejects.toThrow('tokens to predict')
  await expect(run({ muon: { rate: Infinity } })).rejects.toThrow('expected')
})
