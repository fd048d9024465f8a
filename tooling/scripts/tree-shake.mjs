// Bundles single imports from the built packages and looks for code that they do not need. A marker is a
// text that only one file's code contains, such as the kind of an encoding or the prefix of an error message;
// every marker has to be found when everything is bundled, so that a renamed one cannot pass unnoticed.

import { join } from 'node:path'
import { build } from 'esbuild'
import { methods } from './methods.mjs'
import { root } from './pnpm.mjs'

const kinds = [
  'affine',
  'codebook',
  'concat',
  'dense',
  'hadamard',
  'permuted',
  'product',
  'scaled',
  'sparse',
  'sum',
]
const kernels = ['attention', 'histogram', 'nearest', 'quantizeAffine', 'rope', 'softmax', 'topK']

/** What a job may add to the method that it runs, before it runs. */
const JOB_BYTES = 4096

/** Leaves out what is imported only when code runs. */
const lazy = {
  name: 'lazy',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}

/** What stands in the bundle of a package, and which imports may not bring which of it. */
const suites = [
  {
    entry: 'packages/core-tensor/dist/index.js',
    markers: {
      ...Object.fromEntries(kinds.map(kind => [kind, `kind:"${kind}"`])),
      Rng: '[Rng]',
      toOrt: '[toOrt]',
    },
    cases: [
      { import: 'Tensor', with: [] },
      { import: 'decode', with: [] },
      { import: 'codebook', with: ['codebook'] },
      { import: 'affine', with: ['affine'] },
      { import: 'sum', with: ['sum'] },
      { import: 'Rng', with: ['Rng'] },
    ],
  },
  {
    entry: 'packages/core-tensor/dist/reference/index.js',
    markers: Object.fromEntries(kernels.map(name => [name, `[${name}]`])),
    cases: [
      { import: 'matmul', with: [] },
      { import: 'attention', with: ['attention', 'rope'] },
      { import: 'softmax', with: ['softmax'] },
      { import: 'quantizeAffine', with: ['quantizeAffine'] },
    ],
  },
  {
    entry: 'packages/codec/dist/index.js',
    markers: {
      packBits: 'codec/pack-bits',
      rans: '"codec/rans"',
      ransKind: 'kind:"rans"',
      ransDecode: '[ransDecode]',
      ransEncode: 'codec/rans-encode',
      symbolFrequencies: 'codec/symbol-frequencies',
      unpackBits: '[unpackBits]',
    },
    cases: [
      { import: 'rans', with: ['rans', 'ransKind', 'ransDecode', 'ransEncode', 'symbolFrequencies'] },
      { import: 'codecKinds', with: ['ransKind', 'ransDecode'] },
      { import: 'ransDecode', with: ['ransDecode'] },
      { import: 'ransEncode', with: ['ransEncode', 'symbolFrequencies'] },
      { import: 'symbolFrequencies', with: ['symbolFrequencies'] },
      { import: 'packBits', with: ['packBits'] },
      { import: 'unpackBits', with: ['unpackBits'] },
    ],
  },
  {
    entry: 'packages/distill/dist/index.js',
    external: ['@tersor/formats', '@tersor/models'], // they read files, which a neutral bundle cannot
    markers: {
      adamW: 'distill/adam-w',
      attentionBackward: 'distill/attention-backward',
      checkpoint: 'distill/checkpoint',
      forwardKl: 'distill/forward-kl',
      hiddenMatching: 'distill/hidden-matching',
      muon: 'distill/muon',
      newtonSchulz: 'distill/newton-schulz',
      train: 'distill/train]',
    },
    cases: [
      { import: 'adamW', with: ['adamW'] },
      { import: 'muon', with: ['muon', 'newtonSchulz'] },
      { import: 'forwardKl', with: ['forwardKl'] },
      { import: 'hiddenMatching', with: ['hiddenMatching'] },
      { import: 'llamaGradients', with: ['attentionBackward'] },
    ],
  },
]

/** A method brings no other: what its file says in errors stands in no other bundle. */
const everyMethod = methods()
for (const folder of new Set(everyMethod.map(method => method.folder))) {
  const own = everyMethod.filter(method => method.folder === folder)
  suites.push({
    entry: `packages/${folder}/dist/index.js`,
    markers: Object.fromEntries(own.map(({ name }) => [name, `${folder}/${name}`])),
    cases: own.map(({ name, export: imported }) => ({ import: imported, with: [name] })),
  })
}

const problems = []
for (const { entry, markers, cases, external } of suites) {
  const everything = await bundle(entry, '*', external)
  for (const [name, marker] of Object.entries(markers)) {
    if (!everything.includes(marker))
      problems.push(`${entry}: no ${marker} anywhere; correct the marker of ${name}`)
  }
  for (const { import: imported, with: needed } of cases) {
    const code = await bundle(entry, `{ ${imported} }`, external)
    for (const [name, marker] of Object.entries(markers)) {
      if (needed.includes(name) && !code.includes(marker)) {
        problems.push(`${entry}: import { ${imported} } should bring ${name} (${marker}), and does not`)
      }
      if (!needed.includes(name) && code.includes(marker)) {
        problems.push(`${entry}: import { ${imported} } should not bring ${name} (${marker})`)
      }
    }
    console.log(`import { ${imported} } from ${entry}: ${code.length} bytes minified of ${everything.length}`)
  }
}

// A job costs a bundle its recipe; files, models and calibration are chunks that are fetched when it runs.
for (const { folder, name, export: imported } of everyMethod.filter(method => method.folder === 'quantize')) {
  const from = `from './packages/${folder}/dist/entries/${name}.js'`
  const job = `export { createJob } from './packages/compress/dist/index.js'\n`
  const alone = await bundled(`export { ${imported}Method } ${from}`)
  const withJob = await bundled(`${job}export { ${imported}Method } ${from}`, { plugins: [lazy] })
  const whole = await bundled(`${job}export { ${imported}Method } ${from}`)
  if (withJob.length > alone.length + JOB_BYTES) {
    problems.push(
      `createJob adds ${withJob.length - alone.length} bytes to ${imported}Method, more than ${JOB_BYTES}; import what a run needs where it runs`,
    )
  }
  console.log(
    `{ ${imported}Method }: ${alone.length} bytes minified; with createJob ${withJob.length}, with all that a calibrated job fetches ${whole.length}`,
  )
}

for (const problem of problems) console.error(`✗ ${problem}`)
if (problems.length > 0) process.exitCode = 1

/** What a bundler keeps of an entry when only these names are used. */
function bundle(entry, names, external = []) {
  return bundled(`export ${names} from './${entry}'`, { external })
}

async function bundled(contents, { external = [], plugins = [] } = {}) {
  const result = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: join(root),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*', 'vitest', ...external],
    charset: 'utf8',
    write: false,
    logLevel: 'error',
    plugins,
  })
  return result.outputFiles[0].text
}
