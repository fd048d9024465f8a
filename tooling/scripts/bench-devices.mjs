// pnpm bench:devices [options]: builds what is measured, and measures the kernels of the compiled devices beside
// ONNX Runtime and what the machine allows. See tooling/benches.

import { compileNative, pnpm, run, runOrExit } from './pnpm.mjs'

console.error('Building …')
const build = ['exec', 'turbo', 'run', 'build:js', '--filter=tersor-benches...']
await Promise.all([compileNative(), runOrExit([...pnpm, ...build], { quiet: true })])

// The collector is called between kernels, whose tensors are hundreds of megabytes.
const { code } = await run([
  'node',
  '--expose-gc',
  'tooling/benches/dist/devices.js',
  ...process.argv.slice(2),
])
process.exitCode = code
