// Compiles native/*.cc into tersor.node of the package of this platform: every instruction set in a
// translation unit of its own, one shared object.
//
//   node scripts/build.mjs            with $CXX, else the newest clang++, else g++, where a source is newer
//   node scripts/build.mjs --force    always
//
// Takes a minute or two, and says after each unit how far it is. Where there is no compiler it says so and succeeds:
// everything but this package works without.

import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import headers from 'node-api-headers'

const here = join(import.meta.dirname, '..')
const sources = join(here, 'native')

const target = outputFile()

const place = relative(join(here, '..', '..'), target)

if (isNew() && !process.argv.includes('--force')) {
  console.log(`native kernels are up to date: ${place}`)
} else {
  const compiler = findCompiler()
  if (compiler === undefined) explain()
  else await build(compiler)
}

/** What somebody without a compiler can do. */
function explain() {
  console.log(
    `native kernels skipped: no C++ compiler found. Everything works without them, in WebAssembly; to have them too, install
clang (${install()}), or name a compiler in CXX, and run this again`,
  )
}

function findCompiler() {
  const versioned = Array.from({ length: 11 }, (_, i) => `clang++-${24 - i}`)
  // Clang first: its code for the integer loops is well ahead of g++'s.
  const names = [process.env.CXX, 'clang++', ...versioned, 'g++'].filter(Boolean)
  return names.find(name => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

async function build(cxx) {
  const x64 = process.arch === 'x64'
  const mac = process.platform === 'darwin'
  const flags = [
    '-std=c++17',
    '-O3',
    '-ffp-contract=off',
    '-fno-exceptions',
    '-fno-rtti',
    '-fPIC',
    '-fvisibility=hidden',
    '-ffunction-sections',
    '-Wall',
    '-Wextra',
    '-Wno-unused-function',
    '-Wno-psabi',
    // g++ 12 finds its own headers at fault.
    '-Wno-unknown-warning-option',
    '-Wno-maybe-uninitialized',
    '-DNAPI_VERSION=8',
    `-I${sources}`,
    `-I${headers.include_dir}`,
  ]
  const kernels = join(sources, 'kernels.cc')
  const base = x64 ? ['-march=x86-64-v2'] : []
  // In this order: where two units hold the same function, the linker keeps the first, which every processor runs.
  const units = [
    { name: 'addon', source: join(sources, 'addon.cc'), options: base },
    { name: 'pool', source: join(sources, 'pool.cc'), options: base },
    { name: 'limits', source: join(sources, 'limits.cc'), options: base },
    ...(x64
      ? [
          { name: 'baseline', source: kernels, options: [...base, '-O2', '-DTERSOR_BASELINE'] },
          { name: 'avx2', source: kernels, options: ['-march=x86-64-v3', '-DTERSOR_AVX2'] },
          {
            name: 'avx512',
            source: kernels,
            options: ['-march=x86-64-v4', '-mavx512vnni', '-mprefer-vector-width=512', '-DTERSOR_AVX512'],
          },
        ]
      : [{ name: 'neon', source: kernels, options: ['-march=armv8.2-a+dotprod+fp16', '-DTERSOR_NEON'] }]),
  ]
  console.log(`native kernels: compiling ${units.length} units with ${cxx}, a minute or more …`)
  const start = performance.now()
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(0)} s`
  let done = 0
  const objects = join(tmpdir(), `tersor-native-${process.pid}`)
  mkdirSync(objects, { recursive: true })
  mkdirSync(dirname(target), { recursive: true })
  await Promise.all(
    units.map(async ({ name, source, options }) => {
      await run(cxx, [...flags, ...options, '-c', source, '-o', join(objects, `${name}.o`)])
      console.log(`  ${++done} of ${units.length}: ${name}, after ${seconds()}`)
    }),
  )
  const linked = join(objects, 'tersor.node')
  await run(cxx, [
    ...units.map(({ name }) => join(objects, `${name}.o`)),
    '-o',
    linked,
    ...(mac
      ? ['-bundle', '-undefined', 'dynamic_lookup', '-Wl,-dead_strip']
      : [
          '-shared',
          '-static-libstdc++',
          '-static-libgcc',
          '-pthread',
          '-Wl,--gc-sections',
          '-Wl,-s',
          '-Wl,--exclude-libs,ALL',
        ]),
  ])
  // Renamed into place, so that a process that has the old one loaded keeps it.
  copyFileSync(linked, `${target}.partial`)
  renameSync(`${target}.partial`, target)
  rmSync(objects, { recursive: true })
  console.log(
    `native kernels built in ${seconds()}: ${place}, ${(statSync(target).size / 1024).toFixed(0)} KiB`,
  )
}

/** How a compiler is installed here. */
function install() {
  if (process.platform === 'darwin') return 'xcode-select --install'
  if (process.platform === 'win32') return 'from https://releases.llvm.org'
  return "'apt-get install clang' or the like"
}

/** Whether the addon is younger than everything that it is made of. */
function isNew() {
  if (!existsSync(target)) return false
  const made = statSync(target).mtimeMs
  const files = [
    import.meta.filename,
    ...readdirSync(sources, { recursive: true }).map(name => join(sources, name)),
  ]
  return files.every(file => statSync(file).mtimeMs < made)
}

/** The package of this platform where the workspace has one, else a folder beside this script. */
function outputFile() {
  const platform = join(here, '..', `backend-native-${process.platform}-${process.arch}`)
  return join(existsSync(platform) ? platform : join(here, 'build'), 'tersor.node')
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    spawn(command, args, { stdio: 'inherit' }).on('exit', code =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${code}`)),
    )
  })
}
