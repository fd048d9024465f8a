// pnpm --filter tiny-lm-training siblings [--steps N] [--threads N] [--out FOLDER]: trains the small model with the bundled one as
// its teacher and without, with three seeds each, and writes what they came to into packages/tiny-lm/siblings.json.
// The first of those that were taught becomes packages/tiny-lm/mini. Runs that were stopped go on.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { callerPath } from '../../../../config/caller-path.ts'
import type { TrainingLog } from './train-model.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string' },
    threads: { type: 'string' },
    out: { type: 'string' },
  },
})
const SEEDS = [1, 2, 3]
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const bundled = join(root, 'packages/tiny-lm')
const folder = values.out === undefined ? join(root, 'report/tiny-lm-siblings') : callerPath(values.out)
const passed = (['steps', 'threads'] as const).flatMap(name => {
  const value = values[name]
  return value === undefined ? [] : [`--${name}`, value]
})

function logOf(folder: string): TrainingLog | undefined {
  const file = join(folder, 'training.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function trained(kind: 'taught' | 'alone', seed: number): TrainingLog {
  const out = join(folder, `${kind}-${seed}`)
  if (logOf(out)?.validation === undefined) {
    const teacher = kind === 'taught' ? ['--teacher', join(bundled, 'model')] : []
    const command = ['--conditions=@tersor/source', join(import.meta.dirname, 'train.ts')]
    const given = ['--recipe', 'mini', '--seed', String(seed), '--out', out, ...teacher, ...passed]
    const { status } = spawnSync('npx', ['tsx', ...command, ...given], { stdio: 'inherit', cwd: root })
    if (status !== 0)
      throw new Error(`[siblings] the run of ${out} ended with ${status}; run this again to go on`)
  }
  return logOf(out)!
}

const runs = SEEDS.flatMap(seed =>
  (['taught', 'alone'] as const).map(kind => {
    const { steps, validation } = trained(kind, seed)
    return { kind, seed, steps, ...validation! }
  }),
)
writeFileSync(join(bundled, 'siblings.json'), `${JSON.stringify(runs, null, 1)}\n`)
mkdirSync(join(bundled, 'mini'), { recursive: true })
for (const file of [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'training.json',
])
  cpSync(join(folder, `taught-${SEEDS[0]}`, file), join(bundled, 'mini', file))
console.table(runs)
