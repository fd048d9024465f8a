// pnpm methods [--write]: the tables of methods and of their options in READMEs, from the lists of methods. Each stands between
// two markers; without --write the script fails when one differs from what it would print.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeOption, type Option, type WeightMethod } from '@tersor/core-tensor'
import { replaceBetween } from '../../config/replace-between.ts'

const BEGIN = '<!-- printed by pnpm methods -->'
const END = '<!-- end of what is printed -->'

const write = process.argv.includes('--write')
let stale = 0

const folder = join(import.meta.dirname, '..', '..', 'packages')
for (const name of readdirSync(folder)) {
  const directory = join(folder, name)
  const list = join(directory, 'src', 'methods.ts')
  if (!existsSync(list)) continue
  const exported: Record<string, unknown> = await import(pathToFileURL(list).href)
  const methods = Object.values(exported).filter(Array.isArray).flat() as WeightMethod[]
  const path = join(directory, 'README.md')
  const text = readFileSync(path, 'utf8')
  const printed = replaceBetween(text, BEGIN, END, tables(methods))
  if (printed === text) continue
  if (write) writeFileSync(path, printed)
  else {
    stale++
    console.error(
      `✗ packages/${name}: the tables of its README are not those of its methods; run pnpm methods --write`,
    )
  }
}
if (stale > 0) process.exitCode = 1
else console.log('✓ tables of methods')

function tables(methods: readonly WeightMethod[]): string {
  const rows = methods.map(({ name, version, needs, summary }) => [
    `\`${name}\``,
    summary,
    needs.map(need => `\`${need}\``).join(', ') || 'nothing',
    String(version),
  ])
  return [
    table(['method', 'what it does', 'needs', 'version of its bytes'], rows),
    ...methods.map(options),
  ].join('\n')
}

function options({ name, options }: WeightMethod): string {
  const rows = Object.entries(options).map(([option, row]) => [
    `\`${option}\``,
    meaning(row),
    describeOption(row),
    defaultOf(row),
  ])
  return `**\`${name}\`**\n\n${table(['option', 'what it is', 'values', 'default'], rows)}`
}

function meaning({ help, when }: Option): string {
  return when === undefined ? help : `${help} (with ${when[0]} \`${when[1]}\`)`
}

function defaultOf({ default: value }: Option): string {
  return value === undefined ? 'has to be given' : `\`${value}\``
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `${[line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}
