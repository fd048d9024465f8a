// Packs every package, and checks what a user would install: the files, the manifest, the types, and
// that each entry can be imported and required in plain Node. Needs a build.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { entries, packages } from './packages.mjs'
import { pnpm, root, run, runOrExit } from './pnpm.mjs'

/** How many packages from outside this workspace each package may depend on; the others none. */
const outsideLimits = { '@tersor/formats': 2, '@tersor/models': 1 }

/** What may be in a package; nothing else is. */
const allowed = [
  /^package\.json$/,
  /^README\.md$/,
  /^CHANGELOG\.md$/,
  /^LICENSE$/,
  /^bin\/[\w-]+\.js$/,
  /^dist\/[\w/.-]+\.(js|js\.map|d\.ts|wasm)$/,
  /^src\/[\w/.-]+(?<!\.(test|bench|d))\.ts$/,
  // Workers are plain JavaScript, the same file in `src` and in `dist`.
  /^src\/worker\.js$/,
  // What a compiled package is made from, and what it is.
  /^native\/[\w/-]+\.(cc|h)$/,
  /^assembly\/[\w/-]+\.ts$/,
  /^scripts\/[\w-]+\.mjs$/,
  /^tersor\.node$/,
  // The bundled models.
  /^(model|mini|moe)\/[\w-]+\.(json|safetensors)$/,
]

const problems = []
const temporary = mkdtempSync(join(tmpdir(), 'tersor-pack-'))
const installed = join(temporary, 'node_modules')
const all = packages()

try {
  await pack()
  for (const one of all) {
    const report = message => problems.push(`${one.name}: ${message}`)
    const directory = join(installed, one.name)
    checkManifest(one, JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')), report)
    checkFiles(one, directory, report)
  }
  await atOnce(all.map(one => () => checkExports(one)))
  await checkImports()
  await checkTypes()
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

for (const problem of problems) console.error(`✗ ${problem}`)
if (problems.length > 0) process.exitCode = 1
else console.log(`✓ ${all.length} packages`)

/** Lays the packages out as an installation would, with the packages that they depend on beside them. */
async function pack() {
  const packing = all.map(({ name, directory, manifest }) => async () => {
    const tarball = join(temporary, `${name.replace('/', '-')}.tgz`)
    await runOrExit([...pnpm, 'pack', '--out', tarball], { cwd: directory, quiet: true })
    const target = join(installed, name)
    mkdirSync(target, { recursive: true })
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
    const { dependencies = {}, peerDependencies = {} } = manifest
    for (const dependency of Object.keys({ ...dependencies, ...peerDependencies }))
      link(dependency, directory)
  })
  await atOnce(packing)
}

/** Runs tasks, as many at a time as there are processors. */
async function atOnce(tasks) {
  const left = tasks.values()
  const worker = async () => {
    for (const task of left) await task()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

function link(dependency, from) {
  const target = join(installed, dependency)
  if (dependency.startsWith('@tersor/') || existsSync(target)) return
  const source = [from, root].map(base => join(base, 'node_modules', dependency)).find(existsSync)
  if (source === undefined) return
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(realpathSync(source), target, 'junction')
}

function checkManifest({ name, directory, manifest }, packed, report) {
  const expect = (what, value, good) => good || report(`expected ${what}, got ${JSON.stringify(value)}`)
  const folder = directory.slice(root.length + 1).replaceAll('\\', '/')
  expect('license MIT', packed.license, packed.license === 'MIT')
  expect('"type": "module"', packed.type, packed.type === 'module')
  expect('"sideEffects": false', packed.sideEffects, packed.sideEffects === false)
  expect('engines.node >=20.19', packed.engines?.node, packed.engines?.node === '>=20.19')
  expect('publishConfig.access public', packed.publishConfig, packed.publishConfig?.access === 'public')
  expect(`repository.directory ${folder}`, packed.repository, packed.repository?.directory === folder)
  expect(
    'a description',
    packed.description,
    typeof packed.description === 'string' && packed.description.length > 20,
  )
  expect(
    'no postinstall scripts',
    packed.scripts,
    !Object.keys(packed.scripts ?? {}).some(key => /install/.test(key)),
  )

  const { dependencies = {} } = packed
  for (const [dependency, range] of Object.entries(dependencies)) {
    expect(`a version of ${dependency}`, range, /^[\^~]?\d+\.\d+\.\d+/.test(range))
    const own = dependency.startsWith('@tersor/')
    if (own)
      expect(
        `${dependency} from the workspace`,
        manifest.dependencies[dependency],
        manifest.dependencies[dependency] === 'workspace:^',
      )
  }
  const outside = Object.keys(dependencies).filter(dependency => !dependency.startsWith('@tersor/'))
  const limit = outsideLimits[name] ?? 0
  expect(`at most ${limit} dependencies outside the workspace`, outside, outside.length <= limit)
  if (name === '@tersor/core-tensor')
    expect('no dependencies', dependencies, Object.keys(dependencies).length === 0)
}

function checkFiles({ manifest }, directory, report) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(file => file.isFile())
    .map(file =>
      join(file.parentPath, file.name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    )
  for (const file of files) {
    if (!allowed.some(pattern => pattern.test(file))) report(`${file} should not be published`)
  }
  const required = [
    'README.md',
    'LICENSE',
    ...Object.values(manifest.bin ?? {}).map(path => path.replace(/^\.\//, '')),
  ]
  for (const target of Object.values(manifest.exports)) {
    if (typeof target === 'object') required.push(...Object.values(target).map(path => path.slice(2)))
  }
  for (const path of required) {
    const [before, after] = path.split('*')
    const there = file =>
      after === undefined ? file === path : file.startsWith(before) && file.endsWith(after)
    if (!files.some(there)) report(`${path} is missing`)
  }

  for (const file of files) {
    const text = () => readFileSync(join(directory, file), 'utf8')
    if (file.endsWith('.d.ts')) {
      if (/(from|import\() ?['"][^'"]+(?<!\.d)\.ts['"]/.test(text())) report(`${file} imports a .ts file`)
    } else if (file.endsWith('.js.map')) {
      for (const source of JSON.parse(text()).sources) {
        if (!existsSync(join(directory, dirname(file), source)))
          report(`${file} names ${source}, which is not published`)
      }
    } else if (/\/(workspace|file|link):/.test(file)) report(`${file} has an odd name`)
  }
}

/** publint on the files that are published, then are-the-types-wrong on the tarball. */
async function checkExports(one) {
  const { name } = one
  const report = message => problems.push(`${name}: ${message}`)
  const directory = join(installed, name)
  const { messages } = await publint({ pkgDir: directory, pack: false, strict: true })
  const packed = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  for (const message of messages) {
    const text = `publint ${message.type}: ${formatMessage(message, packed, { color: false })}`
    if (message.type === 'suggestion') console.log(`${name}: ${text}`)
    else report(text)
  }
  const tarball = join(temporary, `${name.replace('/', '-')}.tgz`)
  // It does not expand patterns, and files that are only fetched have no types.
  const paths = entries(one).map(entry => entry.replace(name, '.'))
  const typed = paths.length > 0 ? ['--entrypoints', ...paths] : []
  const { code } = await run(
    ['attw', tarball, '--profile', 'esm-only', '--no-emoji', '--no-definitely-typed', ...typed],
    { quiet: true },
  )
  if (code !== 0) report('are-the-types-wrong found problems, see above')
}

/**
 * Every entry, by import and by require, each in a fresh process: none may need another to be loaded first.
 * Those for tests need vitest, which refuses require.
 */
async function checkImports() {
  const attempts = all.flatMap(one =>
    entries(one).flatMap(entry => [
      () => attempt(one, 'module', `await import('${entry}')`),
      ...(entry.endsWith('/testing') ? [] : [() => attempt(one, 'commonjs', `require('${entry}')`)]),
    ]),
  )
  await atOnce(attempts)
}

async function attempt({ name }, type, script) {
  const options = { cwd: temporary, quiet: true }
  const { code } = await run([process.execPath, `--input-type=${type}`, '-e', script], options)
  if (code !== 0) problems.push(`${name}: ${script} failed, see above`)
}

/** The declarations, as a user's compiler reads them, all of them checked. */
async function checkTypes() {
  link('@types/node', root)
  const all = packages().flatMap(entries)
  writeFileSync(
    join(temporary, 'user.ts'),
    all.map((entry, i) => `export * as entry${i} from '${entry}'\n`).join(''),
  )
  writeFileSync(join(temporary, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  }
  writeFileSync(join(temporary, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }))
  const { code } = await run(['tsc', '-p', temporary])
  if (code !== 0) problems.push('the published types do not compile for a user, see above')
}
