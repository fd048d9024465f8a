import { existsSync, readFileSync } from 'node:fs'
import { openGguf } from '@tersor/formats'
import { describe, expect, it } from 'vitest'
import { ggufTokenizer } from './gguf-tokenizer.ts'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { openTokenizer } from './open-tokenizer.ts'
import { mergesFileTokenizer, wordPieceFileTokenizer } from './vocabulary-files.ts'

const data = new URL('../../../../../shared/data/', import.meta.url)
const cases = new URL('cases-real-files/', data)
const vocabularies = new URL('gguf-vocab/', data)

const text = (name: string) => readFileSync(new URL(name, cases), 'utf8')

describe.skipIf(!existsSync(cases))('what users of other tools met (needs ../shared/data)', () => {
  it.each([
    ['bos-token-null', 'tokenizer.json'],
    ['gguf-add-bos-false', 'model.gguf'],
    ['gguf-add-space-prefix-false', 'model.gguf'],
  ])('%s: the tokens of the text are those of the reference', async (name, file) => {
    const tokenizer = await openTokenizer(new URL(`${name}/${file}`, cases))
    const begin = tokenizer.addsBos ? [tokenizer.bos] : []
    const { tokens } = JSON.parse(text(`${name}/expected.json`))
    expect([...begin, ...tokenizer.encode(text(`${name}/text.txt`))]).toEqual(tokens)
  })

  it('bos-token-null: a beginning token that the configuration denies is none, whatever the vocabulary holds', async () => {
    const { bos, addsBos, eos } = await openTokenizer(new URL('bos-token-null/tokenizer.json', cases))
    expect({ bos, addsBos, eos }).toEqual({ bos: undefined, addsBos: false, eos: 2 })
  })

  // Its README says 27, 28, 1, 2; but the merge of a and b comes before that of Ġ and a, and the reference library agrees.
  it('gguf-gpt2-tokenizer: byte-level byte-pair encoding is read', async () => {
    const tokenizer = await openTokenizer(new URL('gguf-gpt2-tokenizer/model.gguf', cases))
    expect([...tokenizer.encode('ab abc')]).toEqual([27, 26, 27, 2])
  })

  it('unigram-byte-fallback: what the vocabulary lacks is spelt in bytes', async () => {
    const { encode, decode } = await openTokenizer(new URL('unigram-byte-fallback/tokenizer.json', cases))
    expect([...encode('ab😀')]).toEqual([3, 4, 5, 246, 165, 158, 134])
    expect(decode(encode('ab😀'))).toBe('ab😀')
  })
})

it.each([128_256, 262_145])('opens a vocabulary of %i tokens', size => {
  const vocab = Object.fromEntries(Array.from({ length: size }, (_, id) => [`t${id}`, id]))
  const tokenizer = huggingFaceTokenizer({ model: { type: 'BPE', vocab, merges: [] } })
  expect(tokenizer.vocabSize).toBe(size)
  expect(tokenizer.idOf(`t${size - 1}`)).toBe(size - 1)
})

describe.skipIf(!existsSync(vocabularies))('vocabularies of llama.cpp (need ../shared/data)', () => {
  it.each(['ggml-vocab-llama-spm.gguf', 'ggml-vocab-bert-bge.gguf'])('%s', async name => {
    const { metadata } = await openGguf(readFileSync(new URL(name, vocabularies)))
    const tokenizer = ggufTokenizer(metadata, new Set())
    const read = (ending: string) => readFileSync(new URL(name + ending, vocabularies), 'utf8')
    const texts = read('.inp').split('\n__ggml_vocab_test__\n')
    const lines = read('.out').split('\n')
    expect(texts.filter(given => given !== '').length).toBeGreaterThan(30)
    for (const [i, given] of texts.entries()) {
      const expected = lines[i]!.trim().split(/\s+/).filter(Boolean).map(Number)
      expect([...tokenizer.encode(given)], JSON.stringify(given)).toEqual(expected)
      if (name.includes('spm')) expect(tokenizer.decode(expected)).toBe(given)
    }
  })
})

describe('plain vocabularies (need ../shared/data)', () => {
  const gpt2 = new URL('tok-gpt2-bpe/', data)
  it.skipIf(!existsSync(gpt2))('vocab.json with merges.txt, as GPT-2 has them', () => {
    const read = (name: string) => readFileSync(new URL(name, gpt2), 'utf8')
    const tokenizer = mergesFileTokenizer(JSON.parse(read('encoder.json')), read('vocab.bpe'), {})
    // The example of the model's own documentation.
    expect([...tokenizer.encode('Hello world')]).toEqual([15496, 995])
    expect([...tokenizer.encode(' Hello world')]).toEqual([18435, 995])
    expect(tokenizer.eos).toBe(50256)
    const whole = readFileSync(new URL('text-enwik5/enwik5', data), 'utf8').slice(0, 20_000)
    expect(tokenizer.decode(tokenizer.encode(whole))).toBe(whole)
  })

  const bert = new URL('tok-bert-uncased/vocab.txt', data)
  it.skipIf(!existsSync(bert) || !existsSync(vocabularies))('vocab.txt, as BERT has it', async () => {
    const tokenizer = wordPieceFileTokenizer(readFileSync(bert, 'utf8'), {})
    const { metadata } = await openGguf(readFileSync(new URL('ggml-vocab-bert-bge.gguf', vocabularies)))
    const other = ggufTokenizer(metadata, new Set())
    for (const given of readFileSync(new URL('ggml-vocab-bert-bge.gguf.inp', vocabularies), 'utf8').split(
      '\n',
    )) {
      expect([...tokenizer.encode(given, { addSpecial: true })]).toEqual([
        ...other.encode(given, { addSpecial: true }),
      ])
    }
    expect([...tokenizer.encode('Hello world', { addSpecial: true })]).toEqual([101, 7592, 2088, 102])
  })
})
