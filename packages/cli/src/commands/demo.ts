import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FileError } from '@tersor/core-tensor'
import { openModel } from '@tersor/models'
import { onlyPositional, wholeNumber } from '../command/arguments.ts'
import { command } from '../command/command.ts'
import type { DemoResult } from '../demo/demo-report.ts'
import { demoCells, demoHeader } from '../demo/demo-table.ts'
import { measureRecipes } from '../demo/measure-recipes.ts'
import { GENERATOR, reportPage } from '../demo/report-page.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { kinds } from '../method-lists.ts'
import { BUNDLED, isBundled, modelPath } from '../model-path.ts'
import { tasksFrom } from '../tasks.ts'
import { table } from '../terminal/table.ts'

const EVALUATION_TOKENS = 8_192

/** What a model that is not bundled may take. */
const MINUTES = 5

/** Tasks that the bundled model is scored on, of those that compression hurts first. */
const DEFAULT_TASKS = 'needle-256,copy,sort'
const DEFAULT_PROMPTS = 20

/** `tersor demo`: one model, many recipes, exact sizes and measured losses. */
export const demo = command({
  usage: '[MODEL]',
  summary: 'compresses a model with ten recipes, evaluates each file, and writes a table and a report page',
  about: `The main job: compresses a model with ten recipes, from float8 down to 2 bits, evaluates every file that it wrote, prints a table and writes a report page, which grows while it works. Without MODEL, the bundled ${BUNDLED}.
Bundled models are evaluated on stories that they never saw, others on text that they draw themselves, as much as fits --minutes. A model that is quantized already is quantized again, and the table says so.`,
  flags: () => ({
    report: {
      type: 'string',
      value: 'DIR',
      help: 'where the page and the compressed files go; report by default',
    },
    force: { type: 'boolean', help: 'writes into a DIR that holds a page of somebody else' },
    tokens: {
      type: 'string',
      value: 'N',
      help: `tokens to evaluate on; ${EVALUATION_TOKENS} by default`,
    },
    minutes: {
      type: 'string',
      value: 'N',
      help: `how long a model that is not bundled may take; ${MINUTES} by default. Text and recipes are fitted to it`,
    },
    tasks: {
      type: 'string',
      value: 'NAMES',
      help: `tasks to score every model on, all or none; for bundled ones by default ${DEFAULT_TASKS}`,
    },
    n: { type: 'string', value: 'N', help: `prompts of each task; ${DEFAULT_PROMPTS} by default` },
    device: deviceFlag,
  }),
  async run({ values, positionals }, terminal) {
    const given = positionals.length === 0 ? BUNDLED : onlyPositional(positionals, 'a model')
    const bundled = isBundled(given)
    const taskFlag = values.tasks ?? (bundled ? DEFAULT_TASKS : 'none')
    const report = values.report ?? 'report'
    const quiet = values.json === true
    const request = {
      name: basename(given),
      bundled,
      tokens: wholeNumber(values.tokens ?? String(EVALUATION_TOKENS), 'tokens', 2, 2 ** 31),
      minutes: wholeNumber(values.minutes ?? String(MINUTES), 'minutes', 1, 10_000),
      folder: join(report, 'models'),
      tasks: taskFlag === 'none' ? [] : tasksFrom(taskFlag),
      n: wholeNumber(values.n ?? String(DEFAULT_PROMPTS), 'n', 1, 1_000_000),
      ...{ quiet, terminal },
    }
    const page = join(report, 'index.html')
    const file = await openModel(modelPath(given), { kinds, signal: terminal.signal })
    const device = await openDevice(values.device)
    try {
      if (values.force !== true) await requireOurs(page)
      await mkdir(request.folder, { recursive: true })
      let result: DemoResult | undefined
      for await (result of measureRecipes(file, { ...request, device }))
        await writeFile(page, reportPage(result))
      terminal.out.write(
        quiet
          ? `${JSON.stringify(result)}\n`
          : `\n${table(demoHeader(result!), demoCells(result!))}\nreport: ${page}\n`,
      )
    } finally {
      device.dispose()
      await file.close()
    }
  },
})

/** A page that no demonstration wrote is somebody's own. */
async function requireOurs(page: string): Promise<void> {
  const text = await readFile(page, 'utf8').catch(() => undefined)
  if (text === undefined || text.includes(GENERATOR)) return
  throw new FileError(
    `[cli/demo] expected a report of tersor demo or nothing at ${page}, got another page; choose another folder with --report, or pass --force to replace it`,
  )
}
