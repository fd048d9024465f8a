// pnpm --filter tiny-lm-training train [--recipe NAME] [--steps N] [--seed N] [--teacher FOLDER] [--out FOLDER] [--device native|wasm]
// [--threads N]: trains a model from nothing, or goes on from the checkpoint in the folder. See README.md.

import { copyFileSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice, training } from '@tersor/backend-wasm'
import { BpeEncoder } from 'tiny-lm-corpus'
import { callerPath } from '../../../../config/caller-path.ts'
import { type Recipe, recipes } from './recipe.ts'
import { trainModel } from './train-model.ts'

const repository = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const { values } = parseArgs({
  options: {
    recipe: { type: 'string', default: 'model' },
    steps: { type: 'string' },
    seed: { type: 'string', default: '1' },
    teacher: { type: 'string' },
    out: { type: 'string' },
    device: { type: 'string', default: nativeAvailable() ? 'native' : 'wasm' },
    threads: { type: 'string', default: String(Math.min(availableParallelism(), 8)) },
  },
})
const recipe: Recipe | undefined = recipes[values.recipe as keyof typeof recipes]
if (recipe === undefined)
  throw new Error(`[train] expected --recipe ${Object.keys(recipes).join(' or ')}, got ${values.recipe}`)
const threads = Number(values.threads)
const folder = values.out === undefined ? repository('report/tiny-lm') : callerPath(values.out)
const device = await (values.device === 'native'
  ? createNativeDevice({ threads })
  : createWasmDevice({ threads, groups: [training] }))
const tokenizer = (file: string) => repository(`packages/tiny-lm/model/${file}`)

await trainModel({
  ...{ name: values.recipe, recipe, device, folder },
  encoder: new BpeEncoder(JSON.parse(readFileSync(tokenizer('tokenizer.json'), 'utf8'))),
  seed: Number(values.seed),
  steps: Number(values.steps ?? recipe.steps),
  teacher: values.teacher && callerPath(values.teacher),
  say: line => console.log(line),
})
for (const file of ['tokenizer.json', 'tokenizer_config.json'])
  copyFileSync(tokenizer(file), join(folder, file))
device.dispose()
