import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, modelRecipe, type Step } from '@tersor/compress'
import { type Device, reference, type Tokenizer } from '@tersor/core-tensor'
import { openSafetensors } from '@tersor/formats'
import { type Encoder, embedTexts, loadEncoder, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const golden = fileURLToPath(new URL('../../../../shared/data/golden/architectures', import.meta.url))
const present = existsSync(golden)
if (!present) console.log(`skipped: the tests of encoders need ${golden}`)

const devices: readonly [name: string, available: boolean, create: () => Promise<Device>][] = [
  ['reference', true, async () => reference],
  ['wasm', true, () => createWasmDevice({ threads: 1 })],
  ['native', nativeAvailable(), () => createNativeDevice({ threads: 1 })],
]

/** What the reference implementation gives, with and without the padding that it has and we have not. */
interface Expected {
  /** Tokens of each text. */
  readonly texts: readonly Int32Array[]
  /** Of each text, (tokens, hidden) behind the last layer. */
  readonly last: readonly Float32Array[]
  /** Of the first text: what enters each layer, and leaves the last one. */
  readonly hidden: readonly Float32Array[]
  /** Of all texts, (texts, hidden): the mean of their tokens, and the same with a length of 1. */
  readonly pooled: Float32Array
  readonly embeddings: Float32Array
}

async function expectedOf(folder: string): Promise<Expected> {
  const file = await openSafetensors(join(folder, 'expected.safetensors'))
  try {
    const tokens = await file.read('tokens')
    const [count, length] = tokens.dims as [number, number]
    const part = async (name: string, i: number, wanted: number) => {
      const { data, dims } = await file.read(name)
      const size = dims.slice(1).reduce((a, b) => a * b, 1)
      return (data as Float32Array).subarray(i * size, i * size + wanted)
    }
    const mask = (await file.read('attention_mask')).data as Int32Array
    const lengths = Array.from({ length: count }, (_, i) =>
      mask.subarray(i * length, (i + 1) * length).reduce((sum, seen) => sum + seen, 0),
    )
    const [layers = 0, , width = 0] = (await file.read('hidden')).dims
    const each = <T>(n: number, of: (i: number) => Promise<T>) =>
      Promise.all(Array.from({ length: n }, (_, i) => of(i)))
    return {
      texts: lengths.map((own, i) => (tokens.data as Int32Array).slice(i * length, i * length + own)),
      last: await each(count, i => part('last_hidden_state', i, lengths[i]! * width)),
      hidden: await each(layers, i => part('hidden', i, lengths[0]! * width)),
      pooled: (await file.read('mean_pooled')).data as Float32Array,
      embeddings: (await file.read('embedding')).data as Float32Array,
    }
  } finally {
    await file.close()
  }
}

const flat = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap(part => [...part]))

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length)
  return actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0)
}

/** Texts are the numbers of what stands for their tokens. */
function tokenizerOf(texts: readonly Int32Array[]): Tokenizer {
  return {
    ...{ vocabSize: 0, bos: undefined, eos: undefined, ends: [], addsBos: false, specialTokens: {} },
    idOf: () => undefined,
    encode: text => texts[Number(text)]!,
    decode: String,
  }
}

async function forward(encoder: Encoder, texts: readonly Int32Array[]): Promise<Float32Array> {
  using hidden = await encoder.forward(texts)
  return (await hidden.read()) as Float32Array
}

describe.each(devices)('encoders on %s', (_, available, create) => {
  let device: Device
  beforeAll(async () => {
    if (available) device = await create()
  })
  afterAll(() => {
    if (device !== reference) device?.dispose()
  })

  describe.skipIf(!present || !available).each(['minilm-bert', 'xlm-roberta'])('%s', name => {
    const folder = join(golden, name)
    let expected: Expected
    let other = ''
    beforeAll(async () => {
      expected = await expectedOf(folder)
      // The same model with its configuration in the other dialect.
      other = await mkdtemp(join(tmpdir(), 'tersor-encoder-'))
      await cp(join(folder, 'model.safetensors'), join(other, 'model.safetensors'))
      await cp(join(folder, 'config.v5.json'), join(other, 'config.json'))
    })
    afterAll(() => rm(other, { recursive: true, force: true }))

    it.each([
      ['safetensors', () => folder],
      ['the other dialect', () => other],
      ['GGUF', () => join(folder, 'model.gguf')],
    ])('gives what the reference implementation does, from %s', async (_, from) => {
      const encoder = await loadEncoder(from(), { device })
      const together = await forward(encoder, expected.texts)
      expect(largestDifference(together, flat(expected.last))).toBeLessThan(1e-4)
      const alone = await Promise.all(expected.texts.map(text => forward(encoder, [text])))
      expect(largestDifference(flat(alone), flat(expected.last))).toBeLessThan(1e-4)
      expect(largestDifference(flat(alone), together)).toBeLessThan(1e-5)
      encoder.dispose()
    })

    it('pools, in batches of any size', async () => {
      const encoder = await loadEncoder(folder, { device })
      const texts = [...expected.texts.keys()].map(String)
      const embed = async (options: { normalize?: boolean; batchTokens?: number }) =>
        (await embedTexts(encoder, tokenizerOf(expected.texts), texts, options)).data as Float32Array
      expect(largestDifference(await embed({ normalize: false }), expected.pooled)).toBeLessThan(1e-4)
      for (const batchTokens of [1, 40, 4096])
        expect(largestDifference(await embed({ batchTokens }), expected.embeddings)).toBeLessThan(1e-4)
      encoder.dispose()
    })

    it('has the hidden states of every layer', async () => {
      const encoder = await loadEncoder(folder, { device })
      const entered: Promise<unknown>[] = []
      const hidden = (_: number, x: { read(): Promise<unknown> }) => void entered.push(x.read())
      const last = await encoder.forward(expected.texts.slice(0, 1), { taps: { hidden } })
      const states = (await Promise.all([...entered, last.read()])) as Float32Array[]
      expect(states).toHaveLength(expected.hidden.length)
      for (const [i, state] of states.entries())
        expect(largestDifference(state, expected.hidden[i]!), `${i}`).toBeLessThan(1e-4)
      encoder.dispose()
    })
  })
})

describe.skipIf(!present)('weight methods on an encoder', () => {
  let folder = ''
  let expected: Expected
  beforeAll(async () => {
    expected = await expectedOf(join(golden, 'minilm-bert'))
    folder = await mkdtemp(join(tmpdir(), 'tersor-encoder-'))
    await mkdir(join(folder, 'source', '1_Pooling'), { recursive: true })
    for (const name of ['model.safetensors', 'config.json', 'tokenizer.json'])
      await cp(join(golden, 'minilm-bert', name), join(folder, 'source', name))
    const modules = ['Transformer', 'Pooling'].map((type, i) => ({
      path: i === 0 ? '' : '1_Pooling',
      type: `sentence_transformers.models.${type}`,
    }))
    await writeFile(join(folder, 'source', 'modules.json'), JSON.stringify(modules))
    await writeFile(join(folder, 'source', '1_Pooling', 'config.json'), '{"pooling_mode_cls_token":true}')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** The mean square of what a method changes behind the last layer. */
  async function lossOf(name: string, step: Step): Promise<number> {
    const source = await openModel(join(folder, 'source'))
    const target = join(folder, name, 'model.safetensors')
    const recipe = modelRecipe([step], source.names, {
      delicate: [{ method: 'rtn', bits: 8, groupSize: 32 }],
    })
    const { texts: calibration } = expected
    await createJob({ source, target, recipe, calibration, methods: quantizeMethods }).run()
    await source.close()
    const encoder = await loadEncoder(target)
    // The files about whole texts have travelled with it.
    expect(encoder.config.pooling).toEqual({ kind: 'cls', normalize: false })
    const last = flat(expected.last)
    const squares = (await forward(encoder, expected.texts)).map((x, i) => (x - last[i]!) ** 2)
    return squares.reduce((sum, square) => sum + square, 0) / squares.length
  }

  it('lose little at 8 bits, more at 3, and less where they are calibrated', async () => {
    const eight = await lossOf('rtn8', { method: 'rtn', bits: 8, groupSize: 32 })
    const rounded = await lossOf('rtn3', { method: 'rtn', bits: 3, groupSize: 32 })
    const calibrated = await lossOf('gptq3', { method: 'gptq', bits: 3, groupSize: 32 })
    expect(eight).toBeGreaterThan(0)
    expect(eight).toBeLessThan(1e-3)
    expect(rounded).toBeGreaterThan(100 * eight)
    expect(calibrated).toBeLessThan(0.5 * rounded)
  })
})
