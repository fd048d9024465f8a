// npm start [-- arguments of `tersor demo`]: installs, builds the command-line tool and runs its demonstration, in
// WebAssembly unless the native kernels have been compiled already, which takes longer than it saves here.

import { install, pnpm, run, runOrExit } from './pnpm.mjs'

console.error('Installing …')
// Not what the benches compare with, which is larger than all the rest.
await install(['tersor-workspace', '@tersor/cli...'])
console.error('Building …')
await runOrExit([...pnpm, 'exec', 'turbo', 'run', 'build:js', '--filter=@tersor/cli...'], { quiet: true })

// Paths mean what they mean where the command was typed.
const { code } = await run(['tersor', 'demo', ...process.argv.slice(2)], { cwd: process.env.INIT_CWD })
process.exitCode = code
