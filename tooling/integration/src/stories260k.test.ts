import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, modelRecipe, type Step, sampleWindows } from '@tersor/compress'
import type { Device } from '@tersor/core-tensor'
import {
  type Evaluation,
  type EvaluationWindow,
  evaluate,
  type LogitSource,
  recordLogits,
} from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const path = fileURLToPath(new URL('../../../../shared/data/lm-stories260k/stories260K.bin', import.meta.url))
const present = existsSync(path)
if (!present) console.log(`skipped: the integration tests need ${path}`)

const CALIBRATION = { tokens: 16_384, seed: 1 }
const EVALUATION_TOKENS = 8_192
const EVALUATION_SEEDS = [2, 3, 4]
const MINUTES = 60_000

const gptq = (bits: number) => ({ method: 'gptq', bits, groupSize: 32, range: 'mse' })

interface Sample {
  windows: EvaluationWindow[]
  against: LogitSource
  float: Evaluation
}

describe.skipIf(!present)('stories260K', () => {
  let folder = ''
  let device: Device
  let calibration: Int32Array[] = []
  const samples: Sample[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-integration-'))
    device = await createWasmDevice()
    const model = await loadModel(path, { device })
    const draw = (tokens: number, seed: number) => sampleWindows(model, { tokens, seed, bos: 1 })
    calibration = await draw(CALIBRATION.tokens, CALIBRATION.seed)
    for (const seed of EVALUATION_SEEDS) {
      const windows = (await draw(EVALUATION_TOKENS, seed)).map(tokens => ({ tokens, from: 1 }))
      const against = await recordLogits(model, windows)
      samples.push({ windows, against, float: await evaluate(against, windows) })
    }
  }, 15 * MINUTES)

  afterAll(() => {
    device?.dispose()
    return rm(folder, { recursive: true, force: true })
  })

  /** Compresses into a file with every tensor's outcome known. */
  async function compress(...use: Step[]): Promise<{ file: string; bytes: number }> {
    const file = join(folder, `${Math.random()}.safetensors`)
    const source = await openModel(path)
    const recipe = modelRecipe(use, source.names, { delicate: [{ method: 'rtn', bits: 8 }] })
    const job = createJob({ source, target: file, recipe, methods: quantizeMethods, calibration, device })
    const { bytes } = await job.run()
    await source.close()
    return { file, bytes }
  }

  /** What a file loses on a sample: perplexity over the float model's, less one, and the mean KL. */
  async function lossOf(file: string, { windows, against, float }: Sample) {
    const { perplexity, divergence } = await evaluate(await loadModel(file, { device }), windows, { against })
    return { perplexity, rise: perplexity / float.perplexity - 1, kl: divergence!.kl }
  }

  it('draws samples that share no window', () => {
    const all = [...calibration, ...samples.flatMap(({ windows }) => windows.map(({ tokens }) => tokens))]
    expect(new Set(all.map(String)).size).toBe(all.length)
    expect(calibration.reduce((sum, { length }) => sum + length - 1, 0)).toBeGreaterThanOrEqual(
      CALIBRATION.tokens,
    )
    for (const { float } of samples) expect(float.tokens).toBeGreaterThanOrEqual(EVALUATION_TOKENS)
  })

  it(
    'loses more with every bit less: 8 bits within 0.1 % of the float perplexity',
    async () => {
      const kl: number[] = []
      for (const bits of [8, 6, 5, 4, 3, 2]) {
        const { file } = await compress({ method: 'rtn', bits, groupSize: 32, range: 'mse', zero: 'float' })
        const loss = await lossOf(file, samples[0]!)
        console.log(
          `rtn ${bits} bits, group 32: perplexity ${loss.perplexity.toFixed(4)} (${(100 * loss.rise).toFixed(3)} %), KL ${loss.kl.mean.toPrecision(3)}`,
        )
        if (bits === 8) expect(Math.abs(loss.rise)).toBeLessThan(0.001)
        kl.push(loss.kl.mean)
      }
      for (let i = 1; i < kl.length; i++) expect(kl[i]).toBeGreaterThan(kl[i - 1]!)
      expect(kl[0]).toBeGreaterThan(0)
    },
    10 * MINUTES,
  )

  it(
    'stays within 5 % of the float perplexity with 4 bits in groups of 32',
    async () => {
      const { file } = await compress(gptq(4), { method: 'quant-ease' })
      for (const [i, sample] of samples.entries()) {
        const { perplexity, rise, kl } = await lossOf(file, sample)
        console.log(
          `gptq 4 bits, group 32, sample ${i + 1}: perplexity ${perplexity.toFixed(4)} (${(100 * rise).toFixed(2)} %), KL ${kl.mean.toPrecision(3)}`,
        )
        expect(rise).toBeLessThan(0.05)
        expect(rise).toBeGreaterThan(0.001)
      }
    },
    10 * MINUTES,
  )

  it(
    'loses less with calibration than without at the same bytes, on three samples',
    async () => {
      const rounded = await compress({ method: 'rtn', bits: 3, groupSize: 32, range: 'mse', zero: 'float' })
      const calibrated = await compress(gptq(3), { method: 'quant-ease' })
      expect(calibrated.bytes).toBe(rounded.bytes)
      for (const [i, sample] of samples.entries()) {
        const [without, withIt] = [await lossOf(rounded.file, sample), await lossOf(calibrated.file, sample)]
        console.log(
          `3 bits, group 32, sample ${i + 1}: rtn ${without.perplexity.toFixed(4)}, gptq ${withIt.perplexity.toFixed(4)}, ${calibrated.bytes} bytes of weights each`,
        )
        expect(withIt.perplexity).toBeLessThan(0.95 * without.perplexity)
      }
    },
    10 * MINUTES,
  )
})
