import { FormatError, TersorError, type Tokenizer } from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ggufTokenizer } from './gguf-tokenizer.ts'
import { huggingFaceTokenizer } from './hugging-face-tokenizer.ts'
import { sentencePieceFileTokenizer, wordPieceFileTokenizer } from './vocabulary-files.ts'

const json = {
  added_tokens: [{ id: 6, content: '<s>', special: true, lstrip: true, normalized: true }],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: ' +' }, content: ' ' },
      { type: 'Precompiled', precompiled_charsmap: 'BAAAAAAAAAA=' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '\\p{N}' }, behavior: 'Isolated', invert: false },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
    special_tokens: { '<s>': { ids: [6] } },
  },
  decoder: { type: 'Sequence', decoders: [{ type: 'Metaspace' }, { type: 'Fuse' }] },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    vocab: { '<unk>': 0, a: 1, b: 2, ab: 3, '▁': 4, '▁ab': 5 },
    merges: ['a b', ['▁', 'ab']],
  },
}

const config = {
  bos_token: { content: '<s>' },
  add_bos_token: true,
  added_tokens_decoder: { 7: { content: '<x>', special: false } },
  chat_template: [{ name: 'default', template: '{{ messages }}' }],
}

const metadata = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'llama-bpe',
  'tokenizer.ggml.tokens': ['a', 'b', 'ab', 'Ġ', '<s>'],
  'tokenizer.ggml.token_type': [1, 1, 1, 1, 3],
  'tokenizer.ggml.merges': ['a b'],
  'tokenizer.ggml.scores': [0, 0, 1, 0, 0],
  'tokenizer.ggml.bos_token_id': 4,
  'tokenizer.ggml.add_bos_token': true,
}

const oddities: readonly unknown[] = [
  null,
  '',
  'x',
  -1,
  1.5,
  2 ** 40,
  Number.NaN,
  true,
  [],
  {},
  [[]],
  ['a'],
  { type: 'BPE' },
  '(a+)+',
  '\uD800',
]

/** The same with one value somewhere replaced. */
function broken(value: unknown, path: readonly number[], oddity: unknown): unknown {
  if (path.length === 0 || typeof value !== 'object' || value === null) return oddity
  const keys = Object.keys(value)
  if (keys.length === 0) return oddity
  const key = keys[path[0]! % keys.length]!
  const inner = broken((value as Record<string, unknown>)[key], path.slice(1), oddity)
  return Array.isArray(value)
    ? value.map((each, i) => (String(i) === key ? inner : each))
    : { ...value, [key]: inner }
}

const anywhere = fc.array(fc.nat(20), { maxLength: 6 })
const oddity = fc.constantFrom(...oddities)

/** Opens and uses it: all may be refused, but only with an error that says so. */
function typedOrRight(open: () => Tokenizer): void {
  try {
    const tokenizer = open()
    tokenizer.decode(tokenizer.encode('ab <s>ab 12 \u0000é😀', { addSpecial: true }))
  } catch (error) {
    expect(error).toBeInstanceOf(TersorError)
  }
}

describe('hostile and half-written files', () => {
  it('are tokenizer.json', () => {
    expect(huggingFaceTokenizer(json, { tokenizer: config }).addsBos).toBe(true)
    fc.assert(
      fc.property(anywhere, oddity, (path, value) =>
        typedOrRight(() => huggingFaceTokenizer(broken(json, path, value) as object, { tokenizer: config })),
      ),
      { seed: 1, numRuns: 3_000 },
    )
  })

  it('are tokenizer_config.json', () => {
    fc.assert(
      fc.property(anywhere, oddity, (path, value) =>
        typedOrRight(() => huggingFaceTokenizer(json, { tokenizer: broken(config, path, value) as object })),
      ),
      { seed: 2, numRuns: 1_000 },
    )
  })

  it('are the metadata of GGUF files', () => {
    for (const model of ['gpt2', 'llama', 't5', 'bert', 'gemma4']) {
      const whole = { ...metadata, 'tokenizer.ggml.model': model }
      fc.assert(
        fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }), oddity, (path, value) =>
          typedOrRight(() =>
            ggufTokenizer(new Map(Object.entries(broken(whole, path, value) as object)), new Set()),
          ),
        ),
        { seed: 3, numRuns: 500 },
      )
    }
  })

  it('have a vocabulary in a GGUF file that is no UTF-8', () => {
    const whole = new Map(Object.entries(metadata))
    for (const key of ['tokenizer.ggml.tokens', 'tokenizer.ggml.merges'])
      expect(() => ggufTokenizer(whole, new Set(['general.name', key]))).toThrow(
        `expected UTF-8 text in ${key}`,
      )
    expect(() => ggufTokenizer(whole, new Set(['general.name']))).not.toThrow()
  })

  it('are models of SentencePiece', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const piece = [0x0a, 0x08, 0x0a, 0x01, 0x61, 0x15, 0, 0, 0, 0x40]
        typedOrRight(() => sentencePieceFileTokenizer(Uint8Array.of(...piece, ...bytes), {}))
        typedOrRight(() => sentencePieceFileTokenizer(bytes, {}))
      }),
      { seed: 4, numRuns: 2_000 },
    )
  })

  it('are vocabularies of words', () => {
    expect(() => wordPieceFileTokenizer('', {})).toThrow(FormatError)
    typedOrRight(() => wordPieceFileTokenizer('[UNK]\n\n\n##\n[UNK]', {}))
  })

  it('name ids that no memory could hold', () => {
    const open = (id: number) => () =>
      huggingFaceTokenizer({ model: { type: 'BPE', vocab: { a: id }, merges: [] } })
    expect(open(2 ** 31)).toThrow(FormatError)
    expect(open(-1)).toThrow(FormatError)
    expect(open(0.5)).toThrow(FormatError)
    const added = [{ id: 2 ** 32, content: 'b' }]
    expect(() => huggingFaceTokenizer({ ...json, added_tokens: added })).toThrow(FormatError)
  })
})
