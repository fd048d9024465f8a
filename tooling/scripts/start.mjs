// npm start [-- arguments of `tersor demo`]: installs, builds the command-line tool and runs its demonstration, in
// WebAssembly unless the native kernels have been compiled already, which takes longer than it saves here.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { install, pnpm, run, runOrExit } from './pnpm.mjs'

/** The model of a run without arguments, where the test data lie beside the repository. */
const defaultModel = fileURLToPath(
  new URL('../../../shared/data/lm-stories260k/stories260K.bin', import.meta.url),
)

console.error('Installing …')
// Not what the benches compare with, which is larger than all the rest.
await install(['tersor-workspace', '@tersor/cli...'])
console.error('Building …')
await runOrExit([...pnpm, 'exec', 'turbo', 'run', 'build:js', '--filter=@tersor/cli...'], { quiet: true })

const args = process.argv.slice(2)
// Without a model `tersor demo` says how to pass one.
const given = args.length > 0 || !existsSync(defaultModel) ? args : [defaultModel]
// Paths mean what they mean where the command was typed.
const { code } = await run(['tersor', 'demo', ...given], { cwd: process.env.INIT_CWD })
process.exitCode = code
