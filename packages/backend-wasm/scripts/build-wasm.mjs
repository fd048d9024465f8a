// Compiles assembly/ to the modules in src/generated, each a string of base64. They are committed, so that tests and
// builds need no compiler; a test compares them with a fresh compilation.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const directory = fileURLToPath(new URL('..', import.meta.url))

/** What is compiled: entry and features. The memory is imported, and may have up to 4 GiB. */
export const modules = {
  simd: { entry: 'core.ts', features: ['simd'] },
  relaxed: { entry: 'core.ts', features: ['simd', 'relaxed-simd'] },
  coding: { entry: 'coding.ts', features: ['simd'] },
  training: { entry: 'training.ts', features: ['simd'] },
  'training-relaxed': { entry: 'training.ts', features: ['simd', 'relaxed-simd'] },
}

/** The bytes of a module. */
export async function compile(name) {
  const { entry, features } = modules[name]
  let binary
  const { error, stderr } = await asc.main(
    [
      entry,
      '--optimizeLevel=3',
      '--shrinkLevel=0',
      '--noAssert',
      '--runtime=stub',
      '--use=abort=',
      '--importMemory',
      '--noExportMemory',
      '--maximumMemory=65536',
      ...features.map(feature => `--enable=${feature}`),
      '--outFile=module.wasm',
    ],
    {
      readFile: undefined,
      writeFile: (file, contents) => {
        if (file.endsWith('.wasm')) binary = contents
      },
      ...(await files()),
    },
  )
  if (error) throw new Error(`${name}: ${error.message}\n${stderr.toString()}`)
  return binary
}

/** The text of a generated file. */
export function generated(name, bytes) {
  const { entry, features } = modules[name]
  const identifier = name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())
  return [
    `// Made by scripts/build-wasm.mjs from assembly/${entry} with ${features.join(' and ')}; do not edit.`,
    `export const ${identifier} =`,
    `  '${Buffer.from(bytes).toString('base64')}'`,
    '',
  ].join('\n')
}

async function files() {
  const { readFileSync, readdirSync, existsSync } = await import('node:fs')
  const base = join(directory, 'assembly')
  return {
    readFile: name => {
      const path = join(base, name)
      return existsSync(path) ? readFileSync(path, 'utf8') : null
    },
    listFiles: name => readdirSync(join(base, name)).filter(file => file.endsWith('.ts')),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(directory, 'src/generated'), { recursive: true })
  for (const name of Object.keys(modules)) {
    const bytes = await compile(name)
    writeFileSync(join(directory, `src/generated/${name}.ts`), generated(name, bytes))
    console.log(`${name}: ${bytes.length} bytes`)
  }
}
