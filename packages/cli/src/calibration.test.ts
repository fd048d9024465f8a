import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UnsupportedError } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { firstToken, tokenizerOf } from './calibration.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-tokenizer-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A tokenizer of two letters and one token more. */
async function tokenizerWith(special: boolean): Promise<string> {
  const path = join(folder, `${special}.json`)
  const json = {
    added_tokens: [{ id: 2, content: '<image>', special }],
    model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] },
  }
  await writeFile(path, JSON.stringify(json))
  return path
}

const modelOf = (vocabSize: number) => ({ config: { vocabSize } }) as unknown as ModelFile

describe('tokenizerOf', () => {
  it('takes a tokenizer with special tokens that the model lacks, as Gemma 3 has one', async () => {
    const tokenizer = await tokenizerOf(modelOf(2), await tokenizerWith(true))
    expect(tokenizer.vocabSize).toBe(3)
    expect(firstToken(tokenizer)).toBe(1)
  })

  it('refuses a tokenizer that writes tokens beyond those of the model', async () => {
    await expect(tokenizerOf(modelOf(2), await tokenizerWith(false))).rejects.toThrow(UnsupportedError)
    await expect(tokenizerOf(modelOf(1), await tokenizerWith(true))).rejects.toThrow(
      /at most the model's 1 tokens/,
    )
  })
})
