import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { nativeAvailable } from '@tersor/backend-native'
import { replaceBetween } from '../../../config/replace-between.ts'
import { kernelGroups } from './kernel-groups.ts'
import { Limits } from './limits.ts'
import { quick, thorough } from './measure.ts'
import { type BenchOptions, benchOptions, usage } from './options.ts'
import type { ResultRow } from './result-row.ts'
import { runGroup } from './run-group.ts'
import { table } from './table.ts'

/** Beside the folder that holds this, built or not. */
const DOCS = new URL('../../../docs/devices.md', import.meta.url)
const BEGIN = '<!-- measured by pnpm bench:devices -->'
const END = '<!-- end of what was measured -->'

async function main(options: BenchOptions): Promise<void> {
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} processors, Node ${process.versions.node}`
  console.log(machine)
  if (options.devices.includes('native') && !nativeAvailable())
    console.log('The native device is not built: pnpm build:native')
  const limits = await Limits.create()
  const rows: ResultRow[] = []
  for (const group of kernelGroups) {
    if (options.kernels !== undefined && !group.names.some(name => options.kernels!.includes(name))) continue
    console.log(`${group.names.join(', ')} …`)
    rows.push(...(await runGroup(group, options, options.quick ? quick : thorough, limits)))
    // Blocks of hundreds of megabytes must go before the next group makes its own.
    globalThis.gc?.()
  }
  const text = table(rows)
  console.log(`\n${text}`)
  if (options.writeDocs) {
    const content = `Machine: ${machine}.\n\n${text}`
    writeFileSync(DOCS, replaceBetween(readFileSync(DOCS, 'utf8'), BEGIN, END, content))
  }
  if (options.json) console.log(JSON.stringify({ machine, quick: options.quick, rows }))
}

const names = kernelGroups.flatMap(group => group.names)
if (process.argv.includes('--help')) {
  console.log(`${usage}\n\nKernels: ${names.join(', ')}`)
} else {
  let options: BenchOptions | undefined
  try {
    options = benchOptions(process.argv.slice(2), names)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}\n\nKernels: ${names.join(', ')}`)
    process.exitCode = 2
  }
  if (options !== undefined) await main(options)
  // Threads of ONNX Runtime's workers or ours must not keep this alive.
  process.exitCode ??= 0
}
