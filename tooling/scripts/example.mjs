// pnpm example <name> [-- arguments]: runs examples/<name>/index.ts against the sources, and installs what it needs first.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root, run } from './pnpm.mjs'

const [name, ...args] = process.argv.slice(2)
const names = readdirSync(join(root, 'examples')).filter(name =>
  existsSync(join(root, 'examples', name, 'index.ts')),
)

if (name === undefined || !names.includes(name)) {
  console.error(`Usage: pnpm example <name> [arguments]\nExamples: ${names.join(', ') || 'none yet'}`)
  process.exitCode = 1
} else {
  const folder = join(root, 'examples', name)
  if (!isInstalled(folder)) {
    console.error('Installing …')
    await install([`example-${name}...`])
  }
  const forwarded = args[0] === '--' ? args.slice(1) : args
  const tsx = ['tsx', '--tsconfig', join(root, 'tsconfig.json'), '--conditions=@tersor/source']
  // Paths mean what they mean where the command was typed.
  const { code } = await run([...tsx, join(folder, 'index.ts'), ...forwarded], { cwd: process.env.INIT_CWD })
  process.exitCode = code
}

/** Whether an example finds its packages: `npm start` brings no more than the command-line tool needs. */
function isInstalled(folder) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Object.keys(dependencies).every(name => existsSync(join(folder, 'node_modules', name)))
}
