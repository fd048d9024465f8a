import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { argmax, byteLength, isEncoded } from '@tersor/core-tensor'
import { type Decoder, loadModel, openModel } from '@tersor/models'
import { distance } from '@tersor/models/testing'
import { describe, expect, it } from 'vitest'

const data = fileURLToPath(new URL('../../../../shared/data/', import.meta.url))
const path = `${data}lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf`
const golden = `${data}golden/smollm2/`
const present = existsSync(path) && existsSync(golden)
if (!present) console.log(`skipped: SmolLM2 needs ${path} and ${golden}`)

const VOCABULARY = 49_152
/** Tokens whose logits are held at a time. */
const PIECE = 128
/** Of the text whose nats are compared. */
const TOKENS = 256

function json<T>(name: string): T {
  return JSON.parse(readFileSync(golden + name, 'utf8'))
}

/** The first numbers of a file. */
function numbers<T extends Uint16Array | Float32Array>(
  Kind: { new (buffer: ArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  name: string,
  count: number,
): T {
  const bytes = readFileSync(golden + name).subarray(0, count * Kind.BYTES_PER_ELEMENT)
  return new Kind(Uint8Array.from(bytes).buffer)
}

const idsOf = (name: string) =>
  json<{ name: string; ids: number[] }[]>('prompts.json').find(each => each.name === name)!.ids

describe.skipIf(!present || !nativeAvailable())('SmolLM2-135M-Instruct, from its GGUF alone', () => {
  it('is held in its own bits', async () => {
    const file = await openModel(path)
    const model = await loadModel(file)
    const held = [...model.weights.values()].reduce(
      (sum, weight) => sum + (isEncoded(weight) ? byteLength(weight) : weight.byteLength),
      0,
    )
    expect(held).toBeLessThan(1.01 * file.fileBytes)
    expect(file.info('layers.0.attention.query')).toMatchObject({ compressed: 'q4_1', dims: [576, 576] })
    await file.close()
  })

  it('has the logits of the reference implementation where activations are not rounded', async () => {
    const device = await createNativeDevice({ activations: 'float32' })
    const model = await loadModel(path, { device })
    const ids = Int32Array.from(idsOf('capital'))
    const { logits } = await model.forward(ids, { cache: model.createCache() })
    // Log-sum-exps, the 64 largest logits with their tokens, then the last position's.
    const file = readFileSync(`${golden}logits/capital.hf.bin`)
    const start = file.byteOffset + ids.length * (4 + 64 * 2 + 64 * 4)
    const expected = new Float32Array(file.buffer.slice(start, start + 4 * VOCABULARY))
    expect(distance(logits!.data as Float32Array, expected)).toBeLessThan(2e-4)
    device.dispose()
  })

  it('says the same greedily, and has the same nats', async () => {
    const device = await createNativeDevice()
    const model = await loadModel(path, { device })
    const { runs } = json<{ runs: { name: string; ids: number[] }[] }>('greedy.hf.json')
    const ids = runs.find(({ name }) => name === 'capital')!.ids.slice(0, 32)
    expect(await greedy(model, idsOf('capital'), ids.length)).toEqual(ids)
    const text = Int32Array.from(numbers(Uint16Array, 'ppl/qmsum-1.ids.u16', TOKENS))
    const expected = numbers(Float32Array, 'ppl/qmsum-1.hf.nll.f32', TOKENS - 1).reduce((a, b) => a + b)
    expect(Math.abs((await nats(model, text)) - expected) / (TOKENS - 1)).toBeLessThan(1e-4)
    device.dispose()
  })
})

async function greedy(model: Decoder, prompt: readonly number[], count: number): Promise<number[]> {
  const cache = model.createCache({ length: prompt.length + count })
  const made: number[] = []
  let next = Int32Array.from(prompt)
  for (let step = 0; step < count; step++) {
    const { logits } = await model.forward(next, { cache })
    made.push(argmax(logits!.data as Float32Array))
    logits!.dispose()
    next = Int32Array.of(made.at(-1)!)
  }
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
    for (let i = 0; i < piece.length && from + i + 1 < ids.length; i++) {
      const row = all.subarray(i * VOCABULARY, (i + 1) * VOCABULARY)
      const largest = row.reduce((a, b) => Math.max(a, b))
      let mass = 0
      for (const logit of row) mass += Math.exp(logit - largest)
      sum += largest + Math.log(mass) - row[ids[from + i + 1]!]!
    }
    logits!.dispose()
  }
  return sum
}
