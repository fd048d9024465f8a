// pnpm served [--write]: the table of models and commands in the README of models, from the list that the tests run through. It stands
// between two markers; without --write the script fails when it differs from what it would print.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { replaceBetween } from '../../config/replace-between.ts'

/** What a row says of a model, as `ServedModel` of @tersor/models/testing has it. */
interface ServedModel {
  readonly folder: string
  readonly architecture: string
  readonly ggufArchitecture: string | undefined
  readonly encoder: boolean
}

const BEGIN = '<!-- printed by pnpm served -->'
const END = '<!-- end of what is printed -->'

const folder = join(import.meta.dirname, '..', '..', 'packages', 'models')
const path = join(folder, 'README.md')
// The list alone: its entry brings the test runner.
const list = pathToFileURL(join(folder, 'src', 'testing', 'served-models.ts'))
const { servedModels }: { servedModels: readonly ServedModel[] } = await import(list.href)
const text = readFileSync(path, 'utf8')
const printed = replaceBetween(text, BEGIN, END, table(servedModels))
if (printed === text) console.log('✓ table of models and commands')
else if (process.argv.includes('--write')) writeFileSync(path, printed)
else {
  console.error('✗ packages/models: the table of models is not that of the tests; run pnpm served --write')
  process.exitCode = 1
}

function table(models: readonly ServedModel[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const commands = ['inspect', 'compress', 'eval', 'generate']
  const header = ['model', 'family', ...commands, ...commands.map(command => `GGUF: ${command}`)]
  const rows = models.map(({ folder, architecture, ggufArchitecture, encoder }) =>
    line([
      folder,
      `\`${architecture}\``,
      ...cells({ there: true, encoder }),
      ...cells({ there: ggufArchitecture !== undefined, encoder }),
    ]),
  )
  return [line(header), line(header.map(() => '---')), ...rows].join('\n')
}

/** Each is a test of `describeServed`. */
function cells({ there, encoder }: { there: boolean; encoder: boolean }): readonly string[] {
  const cell = (exists: boolean) => (exists ? 'right' : '–')
  return [cell(there), cell(there), cell(there && !encoder), cell(there && !encoder)]
}
