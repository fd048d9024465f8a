// pnpm bench:inspect [--folder FOLDER]: what `tersor inspect` takes for files of ten gigabytes. Needs a build.
//
// The files have real headers, of thousands of tensors, and holes where the weights would be, so that they take a few
// megabytes of a disk; one has a vocabulary too, of which a tokenizer is made. Seconds are those beyond the start of Node itself, the median of five;
// the memory is the most that the process had resident.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { folder: { type: 'string', default: tmpdir() } } })
const command = fileURLToPath(new URL('../../../packages/cli/bin/tersor.js', import.meta.url))
if (!existsSync(join(command, '../../dist/index.js')))
  throw new Error('expected a build; run `pnpm build` first')

const RUNS = 5
const LAYERS = 80
const COLUMNS = 2048
const VOCABULARY = 128_256

/** Some five thousand matrices: a mixture of experts, as Hugging Face and llama.cpp name them. */
const EXPERTS = 16
const names = Array.from({ length: LAYERS }, (_, layer) => [
  ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(part => `model.layers.${layer}.self_attn.${part}.weight`),
  ...Array.from({ length: EXPERTS }, (_, expert) =>
    ['gate_proj', 'up_proj', 'down_proj'].map(
      part => `model.layers.${layer}.mlp.experts.${expert}.${part}.weight`,
    ),
  ).flat(),
]).flat()
/** In bfloat16 ten gigabytes together. */
const ROWS = Math.ceil(10e9 / names.length / COLUMNS / 2)
const BYTES = ROWS * COLUMNS * 2

/** What a file begins with; the rest is zeros that lie on no disk, as is the file beside it. */
interface Sparse {
  readonly bytes: Uint8Array
  readonly byteLength: number
  readonly beside?: number
}

const whole = (width: 4 | 8, value: number) => {
  const bytes = Buffer.alloc(width)
  if (width === 4) bytes.writeUInt32LE(value)
  else bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function safetensors(): Sparse {
  const tensors = names.map((name, i) => [
    name,
    { dtype: 'BF16', shape: [ROWS, COLUMNS], data_offsets: [i * BYTES, (i + 1) * BYTES] },
  ])
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)))
  const bytes = Buffer.concat([whole(8, header.length), header])
  return { bytes, byteLength: bytes.length + names.length * BYTES }
}

/** Llama's family in Q4_1, possibly with the vocabulary and merges of a byte-pair encoding. */
function gguf(vocabulary: boolean): Sparse {
  const text = (value: string) => [whole(8, Buffer.byteLength(value)), Buffer.from(value)]
  const string = (key: string, value: string) => [...text(key), whole(4, 8), ...text(value)]
  const number = (key: string, value: number) => [...text(key), whole(4, 4), whole(4, value)]
  const strings = (key: string, all: readonly string[]) => [
    ...[...text(key), whole(4, 9), whole(4, 8), whole(8, all.length)],
    ...all.flatMap(text),
  ]
  const metadata = [
    string('general.architecture', 'llama'),
    number('llama.block_count', LAYERS),
    number('llama.context_length', 8192),
    number('llama.embedding_length', COLUMNS),
    number('llama.feed_forward_length', ROWS),
    number('llama.attention.head_count', 16),
    number('llama.attention.head_count_kv', 4),
  ]
  const tokenizer = () => {
    const tokens = Array.from({ length: VOCABULARY }, (_, i) => `t${i.toString(36)}`)
    const merges = Array.from({ length: 280_147 }, (_, i) => `t${(i % 999).toString(36)} ${i.toString(36)}`)
    const types = Buffer.alloc(4 * VOCABULARY)
    for (let i = 0; i < VOCABULARY; i++) types.writeUInt32LE(1, 4 * i)
    return [
      string('tokenizer.ggml.model', 'gpt2'),
      string('tokenizer.ggml.pre', 'llama-bpe'),
      strings('tokenizer.ggml.tokens', tokens),
      [...text('tokenizer.ggml.token_type'), whole(4, 9), whole(4, 5), whole(8, VOCABULARY), types],
      strings('tokenizer.ggml.merges', merges),
    ]
  }
  if (vocabulary) metadata.push(...tokenizer())
  const blocks = names.map(name => name.replace('model.layers.', 'blk.').replace('.mlp.experts', ''))
  /** Q4_1: 20 bytes for 32 weights; more rows than in bfloat16 for as many bytes. */
  const rows = Math.floor((BYTES * 32) / 20 / COLUMNS)
  const bytesEach = (rows * COLUMNS * 20) / 32
  const described = blocks.flatMap((name, i) => [
    ...[...text(name), whole(4, 2), whole(8, COLUMNS), whole(8, rows)],
    ...[whole(4, 3), whole(8, i * bytesEach)],
  ])
  const counts = [whole(8, blocks.length), whole(8, metadata.length)]
  const bytes = Buffer.concat([Buffer.from('GGUF'), whole(4, 3), ...counts, ...metadata.flat(), ...described])
  return {
    bytes,
    byteLength: Math.ceil(bytes.length / 32) * 32 + blocks.length * bytesEach,
  }
}

/** A graph of initializers whose bfloat16 lies beside it, as all that are this large have to. */
function onnx(): Sparse {
  const field = (tag: number, bytes: ArrayLike<number>) => [
    tag,
    ...varint(bytes.length),
    ...Array.from(bytes),
  ]
  const entry = (key: string, value: string) =>
    field(0x6a, [...field(0x0a, Buffer.from(key)), ...field(0x12, Buffer.from(value))])
  const initializers = names.map((name, i) =>
    field(0x2a, [
      ...[0x08, ...varint(ROWS), 0x08, ...varint(COLUMNS), 0x10, 16, ...field(0x42, Buffer.from(name))],
      ...entry('location', 'model.onnx.data'),
      ...[...entry('offset', String(i * BYTES)), ...entry('length', String(BYTES)), 0x70, 1],
    ]),
  )
  const graph = initializers.flat()
  const bytes = Uint8Array.from([0x08, 10, 0x3a, ...varint(graph.length), ...graph, 0x42, 2, 0x10, 21])
  return { bytes, byteLength: bytes.length, beside: names.length * BYTES }
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

async function write(path: string, { bytes, byteLength, beside }: Sparse): Promise<void> {
  await writeFile(path, bytes)
  await truncate(path, byteLength)
  if (beside === undefined) return
  await writeFile(`${path}.data`, '')
  await truncate(`${path}.data`, beside)
}

/** Says at the end how many kilobytes were resident at most. */
const REPORT = `data:text/javascript,process.on('exit',()=>process.stderr.write('resident='+process.resourceUsage().maxRSS))`

/** Seconds and bytes of Node with arguments, the medians of some runs. */
function measured(args: readonly string[]): { seconds: number; resident: number; printed: string } {
  const runs = Array.from({ length: RUNS }, () => {
    const start = performance.now()
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', REPORT, ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    })
    if (status !== 0) throw new Error(stderr)
    const resident = 1024 * Number(/resident=(\d+)/.exec(stderr)![1])
    return { seconds: (performance.now() - start) / 1000, resident, printed: stdout }
  })
  const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[RUNS >> 1]!
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    resident: median(runs.map(({ resident }) => resident)),
    printed: runs[0]!.printed,
  }
}

await mkdir(values.folder, { recursive: true })
const folder = await mkdtemp(join(values.folder, 'tersor-inspect-'))
try {
  const empty = measured(['-e', '0'])
  console.log(`Node alone: ${empty.seconds.toFixed(3)} s, ${(empty.resident / 1e6).toFixed(0)} MB`)
  for (const [name, make] of [
    ['model.safetensors', safetensors],
    ['model.gguf', () => gguf(false)],
    ['with-vocabulary.gguf', () => gguf(true)],
    ['model.onnx', onnx],
  ] as const) {
    const path = join(folder, name)
    const sparse = make()
    await write(path, sparse)
    const { seconds, resident, printed } = measured([command, 'inspect', path])
    const bytes = sparse.byteLength + (sparse.beside ?? 0)
    console.log(
      `${name} of ${(bytes / 1e9).toFixed(2)} GB, ${names.length} tensors: ${(seconds - empty.seconds).toFixed(3)} s more, ` +
        `${(resident / 1e6).toFixed(0)} MB; ${printed.split('\n').length} lines`,
    )
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
