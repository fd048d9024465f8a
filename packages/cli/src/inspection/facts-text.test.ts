import type { Attention, Mixer } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { factsText } from './facts-text.ts'
import { mixerRuns } from './mixer-runs.ts'
import type { ModelFacts } from './model-facts.ts'

const attention: Attention = { kind: 'attention', heads: 8, kvHeads: 2, headDim: 64, scale: 0.125 }

/** One layer of each kind, and one that occurs again behind another. */
const mixers: readonly Mixer[] = [
  { ...attention, window: 512 },
  attention,
  { ...attention, window: 512 },
  { ...attention, keysOf: 1 },
  { kind: 'convolution', channels: 32, kernel: 3 },
  { kind: 'delta', heads: 4, keyHeads: 2, keyDim: 16, valueDim: 24, kernel: 4, pairing: 'grouped' },
]

const facts: ModelFacts = {
  ...{ architecture: 'gemma3', makes: 'text', parameters: 1_234_567_890 },
  layout: {
    ...{ format: 'gguf', files: 2 },
    types: [{ type: 'q4_1', weights: 7, elements: 1_234_567_890, bytes: 771_604_931, bitsPerWeight: 5 }],
  },
  graph: null,
  tokenizer: { kind: 'unigram', tokens: 262_144, addsBos: true, chatTemplate: true },
  ...{ context: 32_768, vocabulary: 262_144, hiddenSize: 512 },
  mixers: mixerRuns(mixers),
  memory: { weights: 771_604_931, cacheOfThousandTokens: 2_000_000, cacheOfContext: 40_000_000 },
  ...{ quantizedBy: null, missing: [], unclaimed: [], problem: null },
}

describe('factsText', () => {
  it('says what a model is, with layers that mix alike counted', () => {
    expect(factsText(facts)).toBe(`  family      gemma3
  parameters  1.23 billion
  stored      GGUF, 2 files
              7 × q4_1 of 5.000 bits, 772 MB
  size        32768 tokens of context, 262144 in the vocabulary, 512 wide
  layers      2 layers of attention: 8 heads of 64, 2 of keys and values, a window of 512
              1 layer of attention: 8 heads of 64, 2 of keys and values
              1 layer of attention: 8 heads of 64, the keys of an earlier layer
              1 layer of convolution: 32 channels, kernel 3
              1 layer of delta net: 4 heads of 24, 2 of keys of 16
  tokenizer   unigram pieces, 262144 tokens, a beginning token before texts, with a chat template
  memory      772 MB of weights; 2.00 MB of cache for 1000 tokens, 40.0 MB for all 32768
`)
  })

  it('says of an encoder that it makes no text, and of strange files what is not known', () => {
    const none = { cacheOfThousandTokens: null, cacheOfContext: null }
    const memory = { weights: 771_604_931, ...none }
    const encoder = factsText({ ...facts, architecture: 'bert', makes: 'embeddings', memory })
    expect(encoder).toContain('bert, an encoder: it makes vectors, and no text\n')
    expect(encoder).toContain('tokenizer   unigram pieces, 262144 tokens\n')
    expect(encoder).toContain('memory      772 MB of weights\n')
    const strange = factsText({
      ...{ ...facts, architecture: null, makes: null, memory, mixers: [] },
      ...{ context: null, vocabulary: null, hiddenSize: null, tokenizer: { problem: 'no' } },
    })
    expect(strange).toContain('family      not known\n')
    expect(strange).toContain('tokenizer   not understood: no\n')
    expect(strange).not.toContain('layers')
  })

  it('says of a graph what it takes, gives and is made of', () => {
    const names = ['Conv', 'Relu', 'Add', 'Mul', 'Sub', 'Div', 'Exp', 'Log']
    const graph = {
      ...{ producer: 'pytorch 2.4.0', irVersion: 10, nodes: 36 },
      opsets: [
        { domain: 'ai.onnx', version: 21 },
        { domain: 'com.microsoft', version: 1 },
      ],
      operators: names.map((operator, i) => ({ operator, nodes: names.length - i })),
      inputs: [{ name: 'x', type: 'float', dims: ['batch', 3, null] }],
      outputs: [{ name: 'y', type: null, dims: null }],
    }
    const text = factsText({ ...facts, layout: { ...facts.layout, format: 'onnx', files: 1 }, graph })
    expect(text).toContain('stored      ONNX, one file\n')
    expect(text.slice(text.indexOf('  graph'), text.indexOf('  size')).split('\n')).toEqual([
      '  graph       36 nodes: 8 × Conv, 7 × Relu, 6 × Add, 5 × Mul, 4 × Sub, 3 × Div and 2 other operators',
      '              operators of ai.onnx 21, com.microsoft 1',
      '  written by  pytorch 2.4.0',
      '  inputs      x: float [batch, 3, ?]',
      '  outputs     y: of no stated type',
      '',
    ])
  })
})
