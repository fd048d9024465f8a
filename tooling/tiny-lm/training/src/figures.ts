// pnpm --filter tiny-lm-training figures [--models model,mini,moe] [--device native|wasm] [--n N] [--seed N] [--write-docs]: what the
// bundled models make of every task, as the table of packages/tiny-lm/README.md, which --write-docs writes.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { loadModel, openModel } from '@tersor/models'
import { evaluateTasks, type TaskScores, taskNames } from '@tersor/tasks'
import { replaceBetween } from '../../../../config/replace-between.ts'
import type { TrainingLog } from './train-model.ts'

const bundled = fileURLToPath(new URL('../../../../packages/tiny-lm/', import.meta.url))
const README = join(bundled, 'README.md')
const BEGIN = '<!-- measured by pnpm --filter tiny-lm-training figures -->'
const END = '<!-- end of what was measured -->'

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'model,mini,moe' },
    device: { type: 'string', default: nativeAvailable() ? 'native' : 'wasm' },
    n: { type: 'string', default: '400' },
    seed: { type: 'string', default: '0' },
    'write-docs': { type: 'boolean', default: false },
  },
})
const device = await (values.device === 'native' ? createNativeDevice() : createWasmDevice())

/** What a run of training came to, with what `pnpm --filter tiny-lm-training n-gram` added. */
interface Log extends TrainingLog {
  readonly heldOut?:
    | Readonly<Record<string, { perplexity: number; kneserNey5: number; ratio: number }>>
    | undefined
}

interface Measured {
  readonly scores: TaskScores
  readonly parameters: number
  readonly fileBytes: number
  readonly log: Log
}

async function measured(name: string): Promise<Measured> {
  const folder = join(bundled, name)
  const file = await openModel(folder)
  const model = await loadModel(file, { device })
  const parameters = [...model.weights.values()].reduce(
    (sum, w) => sum + w.dims.reduce((a, b) => a * b, 1),
    0,
  )
  const scores = await evaluateTasks(model, (await file.openTokenizer())!, {
    ...{ n: Number(values.n), seed: Number(values.seed) },
    onProgress: (done, total) =>
      done % 50 === 0 && process.stderr.write(`\r${name}: ${done} of ${total} prompts `),
  })
  process.stderr.write('\n')
  model.dispose()
  await file.close()
  const log = JSON.parse(readFileSync(join(folder, 'training.json'), 'utf8')) as Log
  return { scores, parameters, fileBytes: file.fileBytes, log }
}

const names = values.models.split(',')
const all: Measured[] = []
for (const name of names) all.push(await measured(name))
device.dispose()

const percent = (share: number) => (100 * share).toFixed(1)
const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`
const each = (label: string, of: (m: Measured) => string) => row(label, ...all.map(of))
const titles = { model: '`tiny-lm`', mini: '`tiny-lm-mini`', moe: '`tiny-lm-moe`' }
const table = [
  row('', ...names.map(name => titles[name as keyof typeof titles])),
  row(...['---', ...names.map(() => '---')]),
  each('parameters', m => m.parameters.toLocaleString('en')),
  each('bytes of the weights', m => m.fileBytes.toLocaleString('en')),
  ...taskNames.map(task =>
    each(`${task}, %`, ({ scores }) => {
      const { accuracy, low, high } = scores.tasks[task]!
      return `${percent(accuracy)} (${percent(low)} to ${percent(high)})`
    }),
  ),
  each('answers, nats a token', m => m.scores.answerNats.toFixed(4)),
  each('held-out text, nats a token', m => `${m.log.validation?.loss ?? ''}`),
  each('steps of 4,096 tokens', m => m.log.steps.toLocaleString('en')),
  each('minutes of training', m => (m.log.seconds / 60).toFixed(0)),
]

const runsFile = join(bundled, 'siblings.json')
interface Run {
  readonly kind: 'taught' | 'alone'
  readonly seed: number
  readonly steps: number
  readonly loss: number
  readonly answers: number
}
const runs: readonly Run[] = existsSync(runsFile) ? JSON.parse(readFileSync(runsFile, 'utf8')) : []
const meanOf = (kind: Run['kind'], of: (run: Run) => number) => {
  const chosen = runs.filter(run => run.kind === kind)
  return chosen.reduce((sum, run) => sum + of(run), 0) / chosen.length
}
const cells = (kind: Run['kind'], of: (run: Run) => number) => [
  ...runs.filter(run => run.kind === kind).map(run => of(run).toFixed(4)),
  meanOf(kind, of).toFixed(4),
]
const siblings =
  runs.length === 0
    ? []
    : [
        '',
        `The small one, ${runs[0]!.steps.toLocaleString('en')} steps, on held-out text, in nats a token; three seeds and their mean:`,
        '',
        row('', 'seed 1', 'seed 2', 'seed 3', 'mean'),
        row(...['---', '---', '---', '---', '---']),
        row('taught, all tokens', ...cells('taught', run => run.loss)),
        row('alone, all tokens', ...cells('alone', run => run.loss)),
        row('taught, answers', ...cells('taught', run => run.answers)),
        row('alone, answers', ...cells('alone', run => run.answers)),
      ]
const heldOut = all[0]?.log.heldOut
const nGrams =
  heldOut === undefined
    ? []
    : [
        '',
        'Perplexity on held-out text beside an interpolated Kneser–Ney model of five tokens, counted over the same training text:',
        '',
        row('part', '`tiny-lm`', 'Kneser–Ney', 'ratio'),
        row(...['---', '---', '---', '---']),
        ...Object.entries(heldOut).map(([part, { perplexity, kneserNey5, ratio }]) =>
          row(part, perplexity.toFixed(3), kneserNey5.toFixed(3), ratio.toFixed(3)),
        ),
      ]
const content = [
  `Exact matches of ${values.n} prompts a task with the 95 % interval, prompts of seed ${values.seed}, on ${values.device}:`,
  '',
  ...[...table, ...siblings, ...nGrams],
].join('\n')
console.log(content)
if (values['write-docs']) {
  writeFileSync(README, replaceBetween(readFileSync(README, 'utf8'), BEGIN, END, content))
}
