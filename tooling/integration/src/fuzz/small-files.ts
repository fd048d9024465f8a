import { affine, dense, type Encoded, product, sizeOf, sparse, sum, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, writeNpy } from '@tersor/formats'
import { ggufBytes } from '../../../../packages/formats/testing/gguf-bytes.ts'
import { onnxBytes, onnxNode } from '../../../../packages/formats/testing/onnx-bytes.ts'

export const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const floats = (...dims: number[]) =>
  new Tensor(
    'float32',
    Array.from({ length: sizeOf(dims) }, (_, i) => i / 8),
    dims,
  )

export const ARRAYS: readonly (readonly [string, Tensor])[] = [
  ['a', floats(2, 3)],
  ['b', new Tensor('int8', [1, 2, 3], [3])],
  ['c', floats(0)],
]

export function smallSafetensors(): Uint8Array[] {
  const weights = { a: floats(2, 3), b: new Tensor('int8', [1], [1]), 'c.weight': floats(1, 2, 2) }
  return [encodeSafetensors(Object.entries(weights), { metadata: { k: 'v' } })]
}

export function encodedFiles(): Uint8Array[] {
  const scale = dense(new Tensor('int8', [1, 2], [2, 1]))
  const codes = new Tensor('uint8', [0x21, 0x43, 0x65, 0x87], [2, 2])
  const zero = new Tensor('uint4', Uint8Array.of(0x21), [2, 1])
  const base = affine({ codes, scale, zero }, { dims: [2, 4], bits: 4, group: 4, axis: 1 })
  const index = new Tensor('int32', [1, 3], [2])
  const starts = new Tensor('int32', [0, 1, 2], [3])
  const outliers = sparse({ values: floats(2), index, starts }, { dims: [2, 4], pattern: 'rows' })
  const weight: Encoded = sum(base, product(floats(2, 1), floats(1, 4)), outliers)
  return [
    encodeSafetensors([
      ['w', weight],
      ['p', new Tensor('int4', Uint8Array.of(0x21), [2])],
    ]),
    encodeSafetensors([['d', scale]]),
  ]
}

export function ggufFiles(): Uint8Array[] {
  const blocks = (count: number) => new Uint8Array(count).fill(0x3c)
  return [
    ggufBytes({
      metadata: [
        ['general.architecture', [8, 'llama']],
        ['general.alignment', [4, 32]],
        ['tokenizer.ggml.model', [8, 'gpt2']],
        ['tokenizer.ggml.tokens', [9, 8, ['a', 'b', 'ab', '<s>']]],
        ['tokenizer.ggml.merges', [9, 8, ['a b']]],
        ['tokenizer.ggml.scores', [9, 6, [1, 2, 3, 4]]],
        ['tokenizer.ggml.token_type', [9, 5, [1, 1, 1, 3]]],
        ['split.count', [2, 1]],
        ['n', [10, 7]],
      ],
      tensors: [
        { name: 'q', ne: [32, 2], type: 2, data: blocks(36) },
        { name: 'k', ne: [256], type: 12, data: blocks(144) },
        { name: 'x', ne: [256], type: 23, data: blocks(136) },
        { name: 'm', ne: [32], type: 39, data: blocks(17) },
        { name: 'f', ne: [4, 2], type: 0, data: blocks(32) },
        { name: 'new', ne: [4], type: 77, data: blocks(32) },
      ],
    }),
    ggufBytes({
      metadata: [
        ['split.no', [2, 0]],
        ['split.count', [2, 2]],
        [
          'nested',
          [
            9,
            9,
            [
              [9, 0, [1, 2]],
              [9, 8, ['x']],
            ],
          ],
        ],
      ],
    }),
  ]
}

export function onnxFiles(): Uint8Array[] {
  const inner = { name: 'inner', initializer: [{ name: 'i', dims: [2n], dataType: 7, int64Data: [1n, 2n] }] }
  return [
    onnxBytes({
      name: 'g',
      initializer: [
        { name: 'raw', dims: [2n, 2n], dataType: 1, rawData: new Uint8Array(16) },
        { name: 'floats', dims: [3n], dataType: 1, floatData: [1, 2, 3] },
        { name: 'halves', dims: [2n], dataType: 10, int32Data: [1, 2] },
        { name: 'text', dims: [1n], dataType: 8, stringData: [Uint8Array.of(65)] },
        {
          name: 'outside',
          dims: [2n],
          dataType: 1,
          dataLocation: 1,
          externalData: [
            { key: 'location', value: 'weights.bin' },
            { key: 'offset', value: '4' },
            { key: 'length', value: '8' },
          ],
        },
      ],
      node: [
        onnxNode('Constant', 'c', { value: { t: { dims: [1n], dataType: 6, int32Data: [5] } } }),
        onnxNode('If', 'd', { then_branch: { g: inner } }),
      ],
    }),
  ]
}

export function llama2cFile(): Uint8Array {
  const header = new Uint8Array(Int32Array.of(2, 4, 1, 1, 1, 3, 8).buffer)
  const weights = new Uint8Array(4 * (6 + 2 + 4 * 4 + 2 + 3 * 8 + 2 + 16))
  return Uint8Array.from([...header, ...weights])
}

export function npyFiles(): Uint8Array[] {
  const python = (header: string, data: number[]) => {
    const bytes = new TextEncoder().encode(`\u0093NUMPY`).subarray(1)
    return Uint8Array.from([
      0x93,
      ...bytes.subarray(1),
      1,
      0,
      header.length,
      0,
      ...new TextEncoder().encode(header),
      ...data,
    ])
  }
  return [
    ...ARRAYS.map(([, array]) => writeNpy(array)),
    python('{"descr": ">i2", "fortran_order": True, "shape": (2L, 1L)}\n', [0, 1, 0, 2]),
    python("{'descr': [('a', '<f4', (2,))], 'fortran_order': False, 'shape': ()}", Array(8).fill(0)),
  ]
}

export function tokenizerFile(): Uint8Array {
  return text({
    added_tokens: [{ id: 6, content: '<s>', special: true, lstrip: true, normalized: true }],
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: ' +' }, content: ' ' }],
    },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
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
  })
}

export const smallConfig = text({
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 24,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
})
