import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  affine,
  decode,
  dense,
  type Encoded,
  FormatError,
  isEncoded,
  product,
  sizeOf,
  sparse,
  sum,
  Tensor,
  TersorError,
} from '@tersor/core-tensor'
import {
  encodeSafetensors,
  loadWeight,
  openGguf,
  openLlama2c,
  openNpz,
  openSafetensors,
  openSafetensorsIndex,
  quantizedWeights,
  readNpy,
  type WeightFile,
  weightInfo,
  weightNames,
  writeNpy,
  writeNpz,
} from '@tersor/formats'
import { openOnnx } from '@tersor/formats/onnx'
import {
  configFromHuggingFace,
  configText,
  ggufTokenizer,
  huggingFaceTokenizer,
  openModel,
} from '@tersor/models'
import { ggufBytes } from '../../../../packages/formats/testing/gguf-bytes.ts'
import { onnxBytes, onnxNode } from '../../../../packages/formats/testing/onnx-bytes.ts'
import { zipBytes } from '../../../../packages/formats/testing/zip-bytes.ts'

/** A reader, with valid files to change. */
export interface FuzzTarget {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** How many bytes of one array a byte of the file may become. */
  readonly expansion: number
  /** Opens a file and reads all that is in it. */
  read(file: Uint8Array): Promise<void>
}

/** Larger decoded weights are the caller's to bound: a short tree can stand for a large matrix of zeros. */
const MAX_DECODED = 2 ** 18

/** Larger real files make a run slow, and hold nothing that smaller ones lack. */
const MAX_SEED_BYTES = 2 ** 16

const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const floats = (...dims: number[]) =>
  new Tensor(
    'float32',
    Array.from({ length: sizeOf(dims) }, (_, i) => i / 8),
    dims,
  )

/** All readers, with files made here and, where ../shared/data is, with real ones. */
export async function fuzzTargets(): Promise<readonly FuzzTarget[]> {
  return [...(await formats()), ...models()]
}

async function formats(): Promise<readonly FuzzTarget[]> {
  return [
    {
      name: 'safetensors',
      seeds: [...smallSafetensors(), ...real('cases-real-files', 'model.safetensors')],
      expansion: 1,
      async read(file) {
        const opened = await openSafetensors(file)
        for (const name of opened.tensors.keys()) await opened.readBytes(name)
        await readAll(opened, opened.read)
      },
    },
    { name: 'encoded weights', seeds: encodedFiles(), expansion: 2048, read: readEncoded },
    {
      name: 'safetensors index',
      seeds: [
        text({ metadata: { total_size: 24 }, weight_map: { a: '1.safetensors', b: './deep/2.safetensors' } }),
      ],
      expansion: 64,
      async read(file) {
        const [shard] = smallSafetensors()
        const opened = await openSafetensorsIndex(file, { open: () => shard! })
        await readAll(opened, opened.read)
      },
    },
    {
      name: 'GGUF',
      seeds: [...ggufFiles(), ...real('cases-real-files', '.gguf')],
      expansion: 64,
      async read(file) {
        const opened = await openGguf(file, { open: () => file })
        await readAll(opened, opened.read)
        await readAll(opened, async name => {
          const weight = await opened.load(name)
          if (sizeOf(weight.dims) < MAX_DECODED) decode(weight)
        })
        await openGguf(await opened.metadataFile())
        ggufTokenizer(opened.metadata, opened.notUtf8).encode('a b')
      },
    },
    {
      name: 'ONNX',
      seeds: [...onnxFiles(), ...real('golden-onnx-quant', 'model.onnx').slice(0, 24)],
      expansion: 64,
      async read(file) {
        const opened = await openOnnx(file, { open: () => file })
        await readAll(opened, opened.read)
      },
    },
    {
      name: 'llama2.c',
      seeds: [llama2cFile()],
      expansion: 1,
      async read(file) {
        const opened = await openLlama2c(file)
        await readAll(opened, opened.read)
      },
    },
    { name: 'npy', seeds: npyFiles(), expansion: 2, read: async file => void readNpy(file) },
    {
      name: 'npz',
      seeds: [await writeNpz(ARRAYS), await writeNpz(ARRAYS, { compress: true })],
      expansion: 1100,
      async read(file) {
        const opened = await openNpz(file)
        await readAll(opened, name => opened.read(name))
        await readAll(opened, name => opened.read(name, { rows: [0, 1] }))
      },
    },
    {
      // A changed array would not match its checksum, so the archive is made around it.
      name: 'npz of a changed array',
      seeds: npyFiles(),
      expansion: 1100,
      async read(file) {
        const archive = await zipBytes([['a.npy', file]], { compress: file.length % 2 === 0 })
        const opened = await openNpz(archive)
        await readAll(opened, name => opened.read(name))
      },
    },
  ]
}

function models(): readonly FuzzTarget[] {
  return [
    {
      name: 'config.json',
      seeds: [smallConfig, ...real('golden', 'config.json').slice(0, 60)],
      expansion: 4096,
      async read(file) {
        configText(configFromHuggingFace(jsonOf(file)))
      },
    },
    {
      name: 'tokenizer.json',
      seeds: [tokenizerFile(), ...real('cases-real-files', 'tokenizer.json').slice(0, 4)],
      expansion: 4096,
      async read(file) {
        const tokenizer = huggingFaceTokenizer(jsonOf(file) as object)
        tokenizer.decode(tokenizer.encode('ab a\u{1f600}', { addSpecial: true }))
      },
    },
    ...layoutTargets(),
    {
      name: 'model folder',
      seeds: [smallConfig, tokenizerFile(), smallSafetensors()[0]!, encodedFiles()[0]!],
      expansion: 4096,
      read: readFolder,
    },
    {
      name: 'GGUF model',
      seeds: [...ggufFiles(), ...real('cases-real-files', '.gguf').slice(0, 4)],
      expansion: 4096,
      read: file => readModel('https://files.example/model.gguf', { 'model.gguf': file }),
    },
  ]
}

/** Checkpoints that other programs quantized, with the tensors changed, or their configuration. */
function layoutTargets(): readonly FuzzTarget[] {
  const root = join(shared, 'golden', 'checkpoint-layouts')
  if (!existsSync(root)) return []
  const layouts = readdirSync(root)
    .map(name => ['config.json', 'model.safetensors'].map(file => join(root, name, file)))
    .filter(files => files.every(file => existsSync(file) && statSync(file).size < MAX_SEED_BYTES))
    .map(files => files.map(file => readFileSync(file)) as [Buffer, Buffer])
  const read = async (config: Uint8Array, weights: Uint8Array) => {
    const file = await openSafetensors(weights)
    const found = quantizedWeights(file, jsonOf(config), { dimsOf: () => [32, 128] })
    await readEach(found?.weights.values() ?? [], async weight => {
      if (sizeOf(weight.dims) < MAX_DECODED) decode(await weight.load())
    })
  }
  // Which layout a changed file is of is told by its own first bytes, so that the number says all.
  const of = (file: Uint8Array) =>
    layouts[file.slice(0, 512).reduce((a, b) => (31 * a + b) % 65521, 7) % layouts.length]!
  return [
    {
      name: 'layout of changed tensors',
      seeds: layouts.map(([, weights]) => weights),
      expansion: 4096,
      async read(file) {
        // Under every configuration of its own kind there are others that it must not fit.
        for (const [config] of [of(file), of(file.subarray(1))]) await read(config, file)
      },
    },
    {
      name: 'layout of a changed configuration',
      seeds: layouts.map(([config]) => config),
      expansion: 4096,
      async read(file) {
        for (const [, weights] of [of(file), of(file.subarray(1))]) await read(file, weights)
      },
    },
  ]
}

/** Puts a changed file into the folder of a model, in the place that it looks made for. */
async function readFolder(file: Uint8Array): Promise<void> {
  const files: Record<string, Uint8Array> = {
    'config.json': smallConfig,
    'tokenizer.json': tokenizerFile(),
    'model.safetensors': smallSafetensors()[0]!,
  }
  const start = new TextDecoder().decode(file.subarray(0, 4096))
  const isJson = start.startsWith('{')
  const name = !isJson ? 'model.safetensors' : start.includes('model_type') ? 'config.json' : 'tokenizer.json'
  await readModel('https://files.example/', { ...files, [name]: file })
}

/** Opens a model from a server that has these files, and reads all of it. */
async function readModel(url: string, files: Record<string, Uint8Array>): Promise<void> {
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const bytes = files[new URL(String(input)).pathname.slice(1)]
    if (bytes === undefined) return new Response(null, { status: 404 })
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
    if (from === undefined) return new Response(bytes as Uint8Array<ArrayBuffer>)
    const [start, end] = [Number(from), Math.min(Number(to) + 1, bytes.length)]
    if (start >= bytes.length)
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } })
    const headers = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }
    return new Response(bytes.slice(start, end), { status: 206, headers })
  }
  const model = await openModel(url, { fetch: fetch as typeof globalThis.fetch, retry: { retries: 0 } })
  for (const name of model.names) model.storedName(name)
  await readEach(model.names, async name => {
    if (sizeOf(model.info(name).dims) > MAX_DECODED) return
    const weight = await model.load(name)
    if (isEncoded(weight)) decode(weight)
  })
  const tokenizer = await model.openTokenizer()
  tokenizer?.encode('ab')
}

function jsonOf(file: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(file))
  } catch (error) {
    throw new FormatError(`no JSON: ${(error as Error).message.slice(0, 100)}`)
  }
}

async function readEncoded(file: Uint8Array): Promise<void> {
  const opened = await openSafetensors(file)
  await readEach(weightNames(opened), async name => {
    weightInfo(opened, name)
    const weight = await loadWeight(opened, name)
    if (sizeOf(weight.dims) < MAX_DECODED && isEncoded(weight)) decode(weight)
  })
}

async function readAll(file: WeightFile, read: (name: string) => Promise<unknown>): Promise<void> {
  await readEach(file.tensors.keys(), read)
}

/** Reads each, though one before it was refused, and then refuses them all as that one was. */
async function readEach<T>(items: Iterable<T>, read: (item: T) => Promise<unknown>): Promise<void> {
  let refused: unknown
  for (const item of items) {
    try {
      await read(item)
    } catch (error) {
      if (!(error instanceof TersorError)) throw error
      refused ??= error
    }
  }
  if (refused !== undefined) throw refused
}

const ARRAYS: readonly (readonly [string, Tensor])[] = [
  ['a', floats(2, 3)],
  ['b', new Tensor('int8', [1, 2, 3], [3])],
  ['c', floats(0)],
]

function smallSafetensors(): Uint8Array[] {
  const weights = { a: floats(2, 3), b: new Tensor('int8', [1], [1]), 'c.weight': floats(1, 2, 2) }
  return [encodeSafetensors(Object.entries(weights), { metadata: { k: 'v' } })]
}

function encodedFiles(): Uint8Array[] {
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

function ggufFiles(): Uint8Array[] {
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

function onnxFiles(): Uint8Array[] {
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

function llama2cFile(): Uint8Array {
  const header = new Uint8Array(Int32Array.of(2, 4, 1, 1, 1, 3, 8).buffer)
  const weights = new Uint8Array(4 * (6 + 2 + 4 * 4 + 2 + 3 * 8 + 2 + 16))
  return Uint8Array.from([...header, ...weights])
}

function npyFiles(): Uint8Array[] {
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

function tokenizerFile(): Uint8Array {
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

const smallConfig = text({
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

/** Small real files under a folder of ../shared/data, two levels deep, whose names end so. */
function real(folder: string, ending: string): Uint8Array[] {
  const root = join(shared, folder)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending) && name.split('/').length <= 3)
    .map(name => join(root, name))
    .filter(path => statSync(path).size < MAX_SEED_BYTES)
    .sort()
    .map(path => new Uint8Array(readFileSync(path)))
}
