import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { argmax } from '@tersor/core-tensor'
import type { Decoder } from '@tersor/models'

const data = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))

/** SmolLM2-135M-Instruct in Q4_1. */
export const smolLm2 = `${data}lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf`

/** What the reference implementation computes with it. */
export const goldenFolder = `${data}golden/smollm2/`

/** Tokens whose logits are held at a time. */
const PIECE = 128

export function goldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(goldenFolder + name, 'utf8'))
}

/** The first numbers of a file, all by default. */
export function goldenNumbers<T extends Uint16Array | Float32Array>(
  Kind: { new (buffer: ArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  name: string,
  count?: number,
): T {
  const bytes = readFileSync(goldenFolder + name)
  const some = count === undefined ? bytes : bytes.subarray(0, count * Kind.BYTES_PER_ELEMENT)
  return new Kind(Uint8Array.from(some).buffer)
}

/** The tokens of a prompt. */
export function promptOf(name: string): number[] {
  const prompts = goldenJson<{ name: string; ids: number[] }[]>('prompts.json')
  return prompts.find(each => each.name === name)!.ids
}

/** The tokens with the largest logits, one after the other. */
export async function greedyTokens(
  model: Decoder,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
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

/** −Σ ln p of all tokens but the first, in one window. */
export async function natsOf(model: Decoder, ids: Int32Array): Promise<number> {
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
