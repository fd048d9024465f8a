// pnpm bench:embeddings [--model FOLDER] [--data FOLDER] [--only NAME] [--search]: what weight methods lose on a sentence encoder.
//
// Spearman's correlation of the cosines of pairs of sentences with what people say of them (STS benchmark, 1,500 pairs), and
// with --search nDCG@10 of searching 1,400 abstracts for 225 questions (Cranfield), which takes five times as long, by the bytes
// that the weights take. The matrices of the blocks are compressed, and the tables of tokens and positions.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { createJob, modelRecipe, type Step } from '@tersor/compress'
import { type Encoder, embedTexts, loadEncoder, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { cranfieldScore, readCranfield } from '../src/testing/cranfield.ts'
import { pairCosines, readStsPairs, sentencesOf, stsScore } from '../src/testing/stsb.ts'

const shared = fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(shared, 'emb-minilm-l6') },
    data: { type: 'string', default: shared },
    only: { type: 'string', multiple: true },
    search: { type: 'boolean' },
  },
})

/** What calibrated methods see: other text than what is scored, but for the abstracts themselves. */
const CALIBRATION_TEXTS = 64
const CALIBRATION_TOKENS = 128

const rtn = (bits: number): Step => ({ method: 'rtn', bits })
const gptq = (bits: number): Step => ({ method: 'gptq', bits })

/** What is done to the matrices of the blocks, and to the tables of tokens and positions. */
const RECIPES: readonly { name: string; blocks?: Step; tables?: Step }[] = [
  { name: 'as it is' },
  { name: 'rtn 8', blocks: rtn(8), tables: rtn(8) },
  { name: 'rtn 4, tables 8', blocks: rtn(4), tables: rtn(8) },
  { name: 'rtn 4', blocks: rtn(4), tables: rtn(4) },
  { name: 'gptq 4, tables 8', blocks: gptq(4), tables: rtn(8) },
  { name: 'rtn 3, tables 8', blocks: rtn(3), tables: rtn(8) },
  { name: 'gptq 3, tables 8', blocks: gptq(3), tables: rtn(8) },
]

const device = await (nativeAvailable() ? createNativeDevice() : createWasmDevice())
const source = await openModel(values.model)
const tokenizer = (await source.openTokenizer())!
const pairs = readStsPairs(join(values.data, 'eval-stsb-en-dev', 'stsb-en-dev.csv'))
const cranfield = readCranfield(join(values.data, 'ir-cranfield'))
const calibration = cranfield.documents
  .slice(0, CALIBRATION_TEXTS)
  .map(text => tokenizer.encode(text, { addSpecial: true }).slice(0, CALIBRATION_TOKENS))
  .filter(({ length }) => length > 0)
const folder = await mkdtemp(join(tmpdir(), 'tersor-embeddings-'))

try {
  const columns = [
    'weights',
    'MB',
    'STS-B Spearman',
    ...(values.search === true ? ['Cranfield nDCG@10'] : []),
  ]
  console.log(`| ${columns.join(' | ')} |\n|${columns.map(() => ' --- |').join('')}`)
  for (const [i, { name, blocks, tables }] of RECIPES.entries()) {
    if (values.only !== undefined && !values.only.includes(name)) continue
    const path = blocks === undefined ? undefined : join(folder, `${i}.safetensors`)
    const bytes = path === undefined ? source.fileBytes : await compressed(path, blocks!, tables!)
    const encoder = await loadEncoder(path ?? values.model, { device })
    const cells = (await scores(encoder)).map(score => score.toFixed(4))
    console.log(`| ${[name, (bytes / 1e6).toFixed(1), ...cells].join(' | ')} |`)
    encoder.dispose()
  }
} finally {
  await rm(folder, { recursive: true, force: true })
  await source.close()
}

async function compressed(target: string, blocks: Step, table: Step): Promise<number> {
  const recipe = modelRecipe([blocks], source.names, { delicate: [table] })
  const job = createJob({ source, target, recipe, methods: quantizeMethods, calibration, device })
  return (await job.run()).fileBytes
}

/** Spearman's correlation, and nDCG@10 where it is asked for. */
async function scores(encoder: Encoder): Promise<readonly number[]> {
  const width = encoder.config.hiddenSize
  const embed = async (texts: readonly string[]) =>
    (await embedTexts(encoder, tokenizer, texts, { normalize: true })).data as Float32Array
  const spearman = stsScore(pairs, pairCosines(await embed(sentencesOf(pairs)), width))
  if (values.search !== true) return [spearman]
  const [documents, queries] = [await embed(cranfield.documents), await embed(cranfield.queries)]
  return [spearman, cranfieldScore(cranfield, documents, queries, width)]
}
