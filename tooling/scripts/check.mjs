// pnpm check: everything that a change has to pass, all of it even when a step fails, with a summary at the end.
// --without=<step>,<step> leaves steps out; --only=<step>,<step> runs no others.

import { performance } from 'node:perf_hooks'
import { compileNative, install, pnpm, run } from './pnpm.mjs'

const steps = {
  lint: ['biome', 'check', '.', '--error-on-warnings'],
  workspace: ['sherif'],
  types: ['tsc', '-p', 'tsconfig.json'],
  unused: ['knip', '--no-config-hints'],
  methods: ['tsx', '--conditions=@tersor/source', 'tooling/scripts/method-tables.ts'],
  tests: ['vitest', 'run'],
  build: [...pnpm, 'exec', 'turbo', 'run', 'build'],
  bundlers: ['vitest', 'run', '--config', 'tooling/bundlers/vitest.config.ts'],
  pack: ['node', 'tooling/scripts/pack-check.mjs'],
  size: ['size-limit'],
  'tree-shake': ['node', 'tooling/scripts/tree-shake.mjs'],
}

const option = name =>
  process.argv
    .filter(argument => argument.startsWith(`--${name}=`))
    .flatMap(argument => argument.slice(name.length + 3).split(','))

const [only, without] = [option('only'), option('without')]
for (const name of [...only, ...without]) {
  if (!(name in steps)) throw new Error(`no step "${name}"; there are ${Object.keys(steps).join(', ')}`)
}

await install()
await compileNative()
const results = []
for (const [name, command] of Object.entries(steps)) {
  if (without.includes(name) || (only.length > 0 && !only.includes(name))) continue
  console.log(`\n▶ ${name}: ${command.join(' ')}`)
  const start = performance.now()
  const { code } = await run(command)
  results.push({ name, ok: code === 0, seconds: (performance.now() - start) / 1000 })
}

console.log('\nSummary')
for (const { name, ok, seconds } of results) {
  console.log(`  ${ok ? '✓' : '✗'} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s`)
}
if (results.some(({ ok }) => !ok)) process.exitCode = 1
