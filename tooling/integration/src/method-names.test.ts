import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { WeightMethod } from '@tersor/core-tensor'
import { expect, it } from 'vitest'

const packages = join(import.meta.dirname, '..', '..', '..', 'packages')

/** Packages below those of methods: none of them can know one, and their kernels and types have words of their own. */
const below = ['core-tensor', 'formats', 'backend-native', 'backend-wasm', 'backend-webgpu', 'search']

/** Where a method's name may stand besides its own file. */
const allowed = [
  // The list of a package.
  /\/methods\.ts$/,
  // The recipes of the demonstration.
  /^cli\/src\/demo\/demo-recipes\.ts$/,
  // Names of grids, some of which have a method of their own.
  /^quantize\/src\/grids\//,
  // What other programs call their layouts in files.
  /^models\/src\/files\//,
]

it('no method is named by hand but in its file and in its list', async () => {
  const names = (await everyMethod()).map(({ name }) => name)
  expect(names.length).toBeGreaterThan(5)
  const found = readdirSync(packages)
    .filter(name => !below.includes(name) && existsSync(join(packages, name, 'src')))
    .flatMap(name => sources(join(packages, name, 'src')))
    .flatMap(file => {
      const path = relative(packages, file).replaceAll('\\', '/')
      if (allowed.some(pattern => pattern.test(path))) return []
      const code = withoutComments(readFileSync(file, 'utf8'))
      return names
        .filter(name => name !== basename(file, '.ts') && new RegExp(`(['"\`])${name}\\1`).test(code))
        .map(name => `${path}: ${name}`)
    })
  expect(found).toEqual([])
})

it('every method has a test that holds it to figures', async () => {
  const tests = readdirSync(packages, { recursive: true, encoding: 'utf8' }).filter(
    file => file.endsWith('.test.ts') && !file.includes('node_modules'),
  )
  for (const { name } of await everyMethod()) {
    const own = tests.filter(file => basename(file) === `${name}.test.ts`)
    expect(own.map(file => readFileSync(join(packages, file), 'utf8')).join('\n'), name).toContain(
      'describeWeightMethod(',
    )
  }
})

/** The methods of all lists: `methods.ts` of every package that has one. */
async function everyMethod(): Promise<WeightMethod[]> {
  const lists = readdirSync(packages)
    .map(name => join(packages, name, 'src', 'methods.ts'))
    .filter(file => existsSync(file))
  const modules: Record<string, unknown>[] = await Promise.all(
    lists.map(file => import(/* @vite-ignore */ pathToFileURL(file).href)),
  )
  return modules.flatMap(module => Object.values(module).filter(Array.isArray).flat() as WeightMethod[])
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/(^|[/\\])testing[/\\]/.test(file))
    .map(file => join(folder, file))
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}
