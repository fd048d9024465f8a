import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openTokenizer } from './open-tokenizer.ts'

const golden = new URL('../../../../../shared/data/golden/architectures/', import.meta.url)

interface Case {
  readonly text: string
  readonly ids: readonly number[]
  readonly ids_with_special: readonly number[]
  readonly decoded?: string
}

const FORMS = ['tokenizer.json', 'tokenizer.model', 'sentencepiece.bpe.model', 'vocab.txt', 'model.gguf']

describe.skipIf(!existsSync(golden))('golden tokenizations (need ../shared/data)', () => {
  const folders = existsSync(golden)
    ? readdirSync(golden).filter(name => existsSync(new URL(`${name}/tokenization.json`, golden)))
    : []
  const rows = folders.flatMap(folder =>
    FORMS.filter(form => existsSync(new URL(`${folder}/${form}`, golden))).map(form => ({ folder, form })),
  )
  it('has all folders', () => expect(folders.length).toBe(45))

  it.each(rows)('$folder/$form', async ({ folder, form }) => {
    const cases: Case[] = JSON.parse(readFileSync(new URL(`${folder}/tokenization.json`, golden), 'utf8'))
    const tokenizer = await openTokenizer(new URL(`${folder}/${form}`, golden))
    const wrong: unknown[] = []
    for (const { text, ids, ids_with_special, decoded } of cases) {
      const got = [...tokenizer.encode(text)]
      if (String(got) !== String(ids)) wrong.push({ text, got: String(got), ids: String(ids) })
      const special = [...tokenizer.encode(text, { addSpecial: true })]
      if (String(got) === String(ids) && String(special) !== String(ids_with_special))
        wrong.push({ text, special: String(special), wanted: String(ids_with_special) })
      const back = tokenizer.decode(ids, { skipSpecial: false })
      if (back !== (decoded ?? text)) wrong.push({ text, back, decoded })
    }
    expect(wrong).toEqual([])
  })
})
