import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { type Device, ShapeError, type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import { openSafetensors } from '@tersor/formats'
import { type Encoder, embedTexts, loadEncoder, loadModel, type ModelFile, openModel } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pairCosines, readStsPairs, sentencesOf, stsScore } from './testing/stsb.ts'

const shared = fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const path = join(shared, 'emb-minilm-l6')
const present = existsSync(path)
if (!present) console.log(`skipped: the tests of a sentence encoder need ${path}`)

/** All 1,500 pairs, a search, and what weight methods lose are in bench/embeddings.ts. */
const PAIRS = 60
const MINUTE = 60_000

const tensorIn = async (name: string) => {
  const file = await openSafetensors(join(path, 'golden.safetensors'))
  try {
    return (await file.read(name)).data as Float32Array
  } finally {
    await file.close()
  }
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Math.max(...Array.from(actual, (x, i) => Math.abs(x - expected[i]!)))
}

describe.skipIf(!present)('all-MiniLM-L6-v2', () => {
  let device: Device
  let source: ModelFile
  let tokenizer: Tokenizer
  let encoder: Encoder
  const embed = async (texts: readonly string[]) =>
    (await embedTexts(encoder, tokenizer, texts)).data as Float32Array

  beforeAll(async () => {
    device = await (nativeAvailable() ? createNativeDevice() : createWasmDevice())
    source = await openModel(path)
    tokenizer = (await source.openTokenizer())!
    encoder = await loadEncoder(source, { device })
  })
  afterAll(async () => {
    encoder?.dispose()
    device?.dispose()
    await source?.close()
  })

  it('says what its files do about whole texts', async () => {
    expect(encoder.config.pooling).toEqual({ kind: 'mean', normalize: true, maxTokens: 256 })
    await expect(loadModel(source)).rejects.toThrow(/use loadEncoder/)
    await expect(loadEncoder(join(shared, 'golden/architectures/llama-2'))).rejects.toThrow(UnsupportedError)
  })

  it(
    'gives the embeddings of the reference implementation',
    async () => {
      const golden = JSON.parse(readFileSync(join(path, 'golden.json'), 'utf8')) as {
        sentences: readonly { text: string }[]
      }
      const texts = golden.sentences.map(({ text }) => text)
      const embeddings = await embed(texts)
      expect(largestDifference(embeddings, await tensorIn('embeddings_f16weights'))).toBeLessThan(2e-6)
      // One of them is cut.
      await expect(embedTexts(encoder, tokenizer, texts, { truncate: false })).rejects.toThrow(ShapeError)
    },
    MINUTE,
  )

  it(
    'finds pairs of sentences as alike as the reference implementation does',
    async () => {
      const pairs = readStsPairs(join(shared, 'eval-stsb-en-dev', 'stsb-en-dev.csv')).slice(0, PAIRS)
      const golden = (await tensorIn('stsb_cos_f16weights')).slice(0, PAIRS)
      const cosines = pairCosines(await embed(sentencesOf(pairs)), encoder.config.hiddenSize)
      expect(largestDifference(cosines, golden)).toBeLessThan(2e-6)
      expect(stsScore(pairs, cosines)).toBeCloseTo(stsScore(pairs, golden), 4)
    },
    MINUTE,
  )
})
