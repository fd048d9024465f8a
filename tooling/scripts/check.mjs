// pnpm check: everything that a change has to pass, all of it even when a step fails, with a summary at the end.
// --without=<step>,<step> leaves steps out; --only=<step>,<step> runs no others.

import { performance } from 'node:perf_hooks'
import { pnpm, run } from './pnpm.mjs'

const source = ['tsx', '--conditions=@tersor/source']

/** What each step sees to, and how. The steps of a stage need nothing of each other and run at the same time. */
const stages = [
  { install: ['dependencies as the lockfile has them', [...pnpm, 'install', '--frozen-lockfile']] },
  {
    native: [
      'native kernels, where there is a compiler',
      ['node', 'packages/backend-native/scripts/build.mjs'],
    ],
  },
  {
    lint: ['format and lint', ['biome', 'check', '.', '--error-on-warnings']],
    workspace: ['manifests agree with each other', ['sherif']],
    types: ['types of everything, tests and examples too', ['tsc', '-p', 'tsconfig.json']],
    unused: ['files, exports and dependencies that nobody uses', ['knip', '--no-config-hints']],
    methods: [
      'tables of methods in READMEs are what the methods say',
      [...source, 'tooling/scripts/method-tables.ts'],
    ],
    served: [
      'the table of models in a README is the list of what is tested',
      [...source, 'tooling/scripts/served-models.ts'],
    ],
  },
  { tests: ['tests, examples of the documentation among them', ['vitest', 'run']] },
  { build: ['every package into its dist', [...pnpm, 'exec', 'turbo', 'run', 'build']] },
  {
    bundlers: [
      'Vite, esbuild and webpack make a page of the packages that computes the same',
      ['vitest', 'run', '--config', 'tooling/bundlers/vitest.config.ts'],
    ],
  },
  {
    pack: [
      'what a user would install: files, types, every entry in plain Node',
      ['node', 'tooling/scripts/pack-check.mjs'],
    ],
    size: ['bytes of single imports, against their limits', ['size-limit']],
    'tree-shake': ['no import brings code that it does not need', ['node', 'tooling/scripts/tree-shake.mjs']],
  },
]

const option = name =>
  process.argv
    .filter(argument => argument.startsWith(`--${name}=`))
    .flatMap(argument => argument.slice(name.length + 3).split(','))

const [only, without] = [option('only'), option('without')]
const names = stages.flatMap(Object.keys)
for (const name of [...only, ...without]) {
  if (!names.includes(name)) throw new Error(`no step "${name}"; there are ${names.join(', ')}`)
}
// What steps need goes before whichever are asked for.
const needed = only.includes('tests') ? ['install', 'native'] : ['install']
const wanted = names.filter(
  name => !without.includes(name) && (only.length === 0 || only.includes(name) || needed.includes(name)),
)

const results = []
for (const stage of stages) {
  const steps = Object.entries(stage).filter(([name]) => wanted.includes(name))
  for (const [name, [what, command]] of steps) {
    console.log(
      `\n▶ ${wanted.indexOf(name) + 1} of ${wanted.length}, ${name}: ${what}\n  ${command.join(' ')}`,
    )
  }
  // One alone shows what it writes while it runs; several would write into each other.
  results.push(
    ...(await Promise.all(steps.map(([name, [, command]]) => step(name, command, steps.length > 1)))),
  )
}

console.log('\nSummary')
for (const { name, ok, seconds } of results) console.log(`  ${row(name, ok, seconds)}`)
if (results.some(({ ok }) => !ok)) process.exitCode = 1

async function step(name, command, quiet) {
  const start = performance.now()
  const { code, output } = await run(command, { quiet })
  const seconds = (performance.now() - start) / 1000
  if (quiet)
    console.log(
      `\n${row(name, code === 0, seconds)}${code === 0 && output.trim() !== '' ? `\n${output.trimEnd()}` : ''}`,
    )
  return { name, ok: code === 0, seconds }
}

function row(name, ok, seconds) {
  return `${ok ? '✓' : '✗'} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s`
}
