// pnpm example <name> [-- arguments]: runs examples/<name>/index.ts against the sources.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './pnpm.mjs'

const [name, ...args] = process.argv.slice(2)
const names = readdirSync(join(root, 'examples')).filter(name =>
  existsSync(join(root, 'examples', name, 'index.ts')),
)

if (name === undefined || !names.includes(name)) {
  console.error(`Usage: pnpm example <name> [arguments]\nExamples: ${names.join(', ') || 'none yet'}`)
  process.exitCode = 1
} else {
  const forwarded = args[0] === '--' ? args.slice(1) : args
  const script = join('examples', name, 'index.ts')
  const { code } = await run(['tsx', '--conditions=@tersor/source', script, ...forwarded])
  process.exitCode = code
}
