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

/** A GGUF calls their first and last token so; the other files do not. */
const ENCODERS = ['minilm-bert', 'xlm-roberta']

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
    for (const { text, ids, ids_with_special: withSpecial, decoded = text } of cases) {
      expect([...tokenizer.encode(text)], text).toEqual(ids)
      expect([...tokenizer.encode(text, { addSpecial: true })], text).toEqual(withSpecial)
      expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(decoded)
    }
  })

  it.each(rows)(
    '$folder/$form: text becomes no special token where it must not',
    async ({ folder, form }) => {
      const tokenizer = await openTokenizer(new URL(`${folder}/${form}`, golden))
      const special = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter(
        id => tokenizer.decode([id]) === '' && tokenizer.decode([id], { skipSpecial: false }) !== '',
      )
      const text = `a${special.map(id => tokenizer.decode([id], { skipSpecial: false })).join(' b')}`
      const { unk_token: unknown = '' } = tokenizer.specialTokens
      const found = new Set(tokenizer.encode(text, { parseSpecial: false }))
      // What the vocabulary lacks is unknown, whoever wrote it.
      expect(special.filter(id => found.has(id) && id !== tokenizer.idOf(unknown))).toEqual([])
    },
  )

  const both = folders.filter(folder => existsSync(new URL(`${folder}/model.gguf`, golden)))
  it.each(both.filter(folder => !ENCODERS.includes(folder)))(
    '%s begins and ends texts alike in its two formats',
    async folder => {
      const [json, gguf] = await Promise.all(
        ['tokenizer.json', 'model.gguf'].map(form => openTokenizer(new URL(`${folder}/${form}`, golden))),
      )
      const { bos, eos, addsBos } = json!
      expect(gguf).toMatchObject({ bos, eos, addsBos })
      expect(gguf!.ends).toEqual(expect.arrayContaining([...json!.ends]))
    },
  )
})
