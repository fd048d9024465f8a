// pnpm bench:embeddings [--model FOLDER] [--data FOLDER] [--only NAME]: what weight methods lose on a sentence encoder.
//
// Spearman's correlation of the cosines of pairs of sentences with what people say of them (STS benchmark, 1,500 pairs), and
// nDCG@10 of searching 1,400 abstracts for 225 questions (Cranfield), by the bytes that the weights take. The matrices of the
// blocks are compressed, and the table of tokens where it is said.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, type Step } from '@tersor/compress'
import { EMBEDDING, type Encoder, embedTexts, loadEncoder, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { cranfieldScore, readCranfield } from '../src/testing/cranfield.ts'
import { pairCosines, readStsPairs, sentencesOf, stsScore } from '../src/testing/stsb.ts'

const shared = fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(shared, 'emb-minilm-l6') },
    data: { type: 'string', default: shared },
    only: { type: 'string', multiple: true },
  },
})

const CALIBRATION_PAIRS = 64

/** What is done to the blocks, and to the table of tokens where it is more than keeping it. */
const RECIPES: readonly { name: string; blocks?: Step; table?: Step }[] = [
  { name: 'as it is' },
  { name: 'rtn 8', blocks: { method: 'rtn', bits: 8 }, table: { method: 'rtn', bits: 8 } },
  { name: 'rtn 4, table 8', blocks: { method: 'rtn', bits: 4 }, table: { method: 'rtn', bits: 8 } },
  { name: 'rtn 4', blocks: { method: 'rtn', bits: 4 }, table: { method: 'rtn', bits: 4 } },
  { name: 'gptq 4, table 8', blocks: { method: 'gptq', bits: 4 }, table: { method: 'rtn', bits: 8 } },
  { name: 'rtn 3, table 8', blocks: { method: 'rtn', bits: 3 }, table: { method: 'rtn', bits: 8 } },
  { name: 'gptq 3, table 8', blocks: { method: 'gptq', bits: 3 }, table: { method: 'rtn', bits: 8 } },
]

const device = await (nativeAvailable() ? createNativeDevice() : createWasmDevice())
const source = await openModel(values.model)
const tokenizer = (await source.openTokenizer())!
const pairs = readStsPairs(join(values.data, 'eval-stsb-en-dev', 'stsb-en-dev.csv'))
const cranfield = readCranfield(join(values.data, 'ir-cranfield'))
const folder = await mkdtemp(join(tmpdir(), 'tersor-embeddings-'))

try {
  console.log('| weights | MB | STS-B Spearman | Cranfield nDCG@10 |\n| --- | --- | --- | --- |')
  for (const [i, { name, blocks, table }] of RECIPES.entries()) {
    if (values.only !== undefined && !values.only.includes(name)) continue
    const path = blocks === undefined ? undefined : join(folder, `${i}.safetensors`)
    const bytes = path === undefined ? source.fileBytes : await compressed(path, blocks!, table)
    const encoder = await loadEncoder(path ?? values.model, { device })
    const { spearman, ndcg } = await scores(encoder)
    console.log(`| ${name} | ${(bytes / 1e6).toFixed(1)} | ${spearman.toFixed(4)} | ${ndcg.toFixed(4)} |`)
    encoder.dispose()
  }
} finally {
  await rm(folder, { recursive: true, force: true })
  await source.close()
}

async function compressed(target: string, blocks: Step, table: Step | undefined): Promise<number> {
  // Beside the pairs that are scored nothing lies at hand; the abstracts are another kind of text.
  const calibration = cranfield.documents
    .slice(0, CALIBRATION_PAIRS)
    .map(text => tokenizer.encode(text, { addSpecial: true }).slice(0, 128))
  const rules = [
    ...(table === undefined ? [] : [{ match: EMBEDDING, use: [table] }]),
    { match: 'layers.*.{attention,feedForward}.{query,key,value,output,up,down}', use: [blocks] },
  ]
  const recipe = { name: 'encoder', rules }
  const job = createJob({
    source,
    target,
    recipe,
    methods: quantizeMethods,
    calibration,
    device,
    force: true,
  })
  return (await job.run()).fileBytes
}

async function scores(encoder: Encoder): Promise<{ spearman: number; ndcg: number }> {
  const width = encoder.config.hiddenSize
  const embed = async (texts: readonly string[]) =>
    (await embedTexts(encoder, tokenizer, texts, { normalize: true })).data as Float32Array
  const cosines = pairCosines(await embed(sentencesOf(pairs)), width)
  const documents = await embed(cranfield.documents)
  const queries = await embed(cranfield.queries)
  return { spearman: stsScore(pairs, cosines), ndcg: cranfieldScore(cranfield, documents, queries, width) }
}
