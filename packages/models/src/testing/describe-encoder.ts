import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Device, Tensor, Tokenizer } from '@tersor/core-tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Encoder, embedTexts, loadEncoder, openModel } from '../index.ts'
import { distance, Golden, hasGoldens } from './golden.ts'
import { type EncoderExpectation, encoderExpectation, joined } from './golden-encoder.ts'

/** The golden checkpoints that are encoders. */
export const encoderFolders: readonly string[] = ['minilm-bert', 'xlm-roberta']

export interface EncoderBounds {
  /** Of hidden states and embeddings, absolute; 1e-4 by default. */
  readonly within?: number | undefined
}

/**
 * What every encoder is held to: the hidden states and embeddings of the reference implementation, from safetensors and
 * GGUF and with its configuration in both dialects, its texts together and each of them alone.
 *
 * @param device  made before the tests; undefined where there is none, then they are skipped
 */
export function describeEncoderOn(
  folder: string,
  device: () => Device | undefined,
  { within = 1e-4 }: EncoderBounds = {},
): void {
  const golden = new Golden(folder)
  describe.skipIf(!hasGoldens)(folder, () => {
    let expected: EncoderExpectation
    /** The same model with its configuration in the other dialect. */
    let other = ''
    beforeAll(async () => {
      expected = await encoderExpectation(folder)
      other = await mkdtemp(join(tmpdir(), 'tersor-encoder-'))
      await cp(golden.path('model.safetensors'), join(other, 'model.safetensors'))
      await cp(golden.path('config.v5.json'), join(other, 'config.json'))
    })
    afterAll(() => rm(other, { recursive: true, force: true }))

    it.for([
      ['safetensors', () => golden.folder],
      ['the other dialect', () => other],
      ['GGUF', () => golden.path('model.gguf')],
    ] as const)('computes the hidden states of all texts from %s', async ([, from], { skip }) => {
      const on = device() ?? skip('there is no such device')
      const file = await openModel(from())
      expect([file.refusal, file.missing, file.unclaimed]).toEqual([undefined, [], []])
      const encoder = await loadEncoder(file, { device: on })
      await file.close()
      const together = await statesOf(encoder, expected.texts)
      expect(distance(together, expected.last)).toBeLessThan(within)
      const alone: Float32Array[] = []
      for (const text of expected.texts) alone.push(await statesOf(encoder, [text]))
      expect(distance(joined(alone), expected.last)).toBeLessThan(within)
      encoder.dispose()
    })

    it('computes the hidden state after every layer', async ({ skip }) => {
      const on = device() ?? skip('there is no such device')
      const encoder = await loadEncoder(golden.folder, { device: on })
      const entering: Promise<unknown>[] = []
      const hidden = (_: number, x: Tensor) => void entering.push(x.read())
      const last = await encoder.forward(expected.texts.slice(0, 1), { taps: { hidden } })
      const states = (await Promise.all([...entering, last.read()])) as Float32Array[]
      expect(states).toHaveLength(expected.hidden.length)
      for (const [layer, state] of states.entries())
        expect(distance(state, expected.hidden[layer]!)).toBeLessThan(within)
      encoder.dispose()
    })

    it('makes one vector of a text, in batches of any size', async ({ skip }) => {
      const on = device() ?? skip('there is no such device')
      const encoder = await loadEncoder(golden.folder, { device: on })
      const tokenizer = tokenizerOf(expected.texts)
      const texts = [...expected.texts.keys()].map(String)
      const embed = async (options: object) =>
        (await embedTexts(encoder, tokenizer, texts, options)).data as Float32Array
      expect(distance(await embed({ normalize: false }), expected.pooled)).toBeLessThan(within)
      for (const batchTokens of [1, 40, 4096])
        expect(distance(await embed({ batchTokens }), expected.embeddings)).toBeLessThan(within)
      encoder.dispose()
    })
  })
}

async function statesOf(encoder: Encoder, texts: readonly Int32Array[]): Promise<Float32Array> {
  using hidden = await encoder.forward(texts)
  return (await hidden.read()) as Float32Array
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
