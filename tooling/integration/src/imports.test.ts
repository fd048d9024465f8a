import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { circlesAmong, importsIn, loopsOf, modulesBelow } from './import-graph.ts'

/** Which packages the sources of a package may import: arrows point down only. Tests may import more. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'core-tensor': [],
  search: [],
  'backend-wasm': ['core-tensor'],
  'backend-native': ['core-tensor'],
  'backend-native-linux-x64': [],
  'backend-webgpu': ['core-tensor'],
  formats: ['core-tensor'],
  codec: ['core-tensor'],
  attention: ['core-tensor'],
  'token-compress': ['core-tensor'],
  quantize: ['core-tensor', 'codec', 'search'],
  prune: ['core-tensor', 'codec', 'search'],
  'kv-cache': ['core-tensor', 'quantize', 'codec'],
  decode: ['core-tensor'],
  models: ['core-tensor', 'formats'],
  eval: ['core-tensor'],
  tasks: ['core-tensor', 'eval'],
  compress: ['core-tensor', 'decode', 'eval', 'formats', 'models', 'search'],
  distill: ['core-tensor', 'formats', 'models'],
  'tiny-lm': [],
}
/** The command-line tool hands on what all others offer. */
const TOP = 'cli'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const folderOf = (name: string) => join(root, 'packages', name)
const packages = readdirSync(join(root, 'packages')).filter(name =>
  existsSync(join(folderOf(name), 'package.json')),
)
const sourcesOf = (name: string) =>
  ['src', 'assembly']
    .map(folder => join(folderOf(name), folder))
    .filter(existsSync)
    .flatMap(modulesBelow)
    .filter(file => !file.endsWith('.test.ts'))
const everything = ['packages', 'examples', 'tooling'].flatMap(folder => modulesBelow(join(root, folder)))
const readImports = (file: string) => importsIn(readFileSync(file, 'utf8'))

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly exports?: Record<string, unknown>
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8')) as Manifest
}

/** `core-tensor` of `@tersor/core-tensor/host`. */
function packageOf(from: string): string | undefined {
  return /^@tersor\/([^/]+)/.exec(from)?.[1]
}

describe('what finds imports', () => {
  it('reads every way to import, but not examples and types', () => {
    const text = `import {
  a,
  type B,
} from './a.ts'
import type { C } from './c.ts'
export { type D, type E } from './d.ts'
export * from './f.ts'
import './g.ts'
/**
 * import { h } from './h.ts'
 */
type I = typeof import('./i.ts')
const j = await import('./j.ts')`
    expect(importsIn(text).map(({ from, value, later }) => `${from} ${value} ${later}`)).toEqual([
      './a.ts true false',
      './c.ts false false',
      './d.ts false false',
      './f.ts true false',
      './g.ts true false',
      './j.ts true true',
    ])
  })

  it('sees loops of one, of two that cross, and none in what is only shared', () => {
    const graph: Record<string, string[]> = {
      a: ['b', 'd'],
      b: ['c', 'd'],
      c: ['b', 'e'],
      d: [],
      e: ['c'],
      f: ['f'],
    }
    expect(loopsOf(Object.keys(graph), node => graph[node]!)).toEqual([['b', 'c', 'e'], ['f']])
  })
})

describe('imports', () => {
  it.each(packages)('of values run in no circle in %s', name => {
    const circles = circlesAmong(sourcesOf(name))
    expect(circles.map(circle => circle.map(file => relative(folderOf(name), file)))).toEqual([])
  })

  it.each(packages.filter(name => name !== TOP))('of %s are of packages below it', name => {
    expect(Object.keys(arrows), 'the table of this test and of docs/architecture.md').toContain(name)
    const imported = sourcesOf(name).flatMap(file => readImports(file).map(({ from }) => packageOf(from)))
    const depended = Object.keys(manifestOf(name).dependencies ?? {}).map(packageOf)
    const others = [...new Set([...imported, ...depended])].filter(other => other !== undefined)
    expect(others.filter(other => !arrows[name]!.includes(other))).toEqual([])
  })

  it('are drawn in docs/architecture.md as they are', () => {
    const docs = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const drawn = Array.from(docs.matchAll(/^([a-z-]+) +← (.*)$/gm), ([, name, below]) => [name!, below!])
    const written = drawn
      .filter(([name]) => name !== TOP)
      .map(([name, below]) => [
        name,
        below!
          .match(/[a-z-]+/g)!
          .filter(other => packages.includes(other))
          .sort(),
      ])
    const actual = packages
      .filter(name => name !== TOP && existsSync(join(folderOf(name), 'src')))
      .map(name => [
        name,
        Object.keys(manifestOf(name).dependencies ?? {})
          .map(packageOf)
          .filter(other => other !== undefined)
          .sort(),
      ])
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(actual))
  })

  it('have a table that leads down', () => {
    expect(loopsOf(Object.keys(arrows), name => arrows[name] ?? [])).toEqual([])
  })

  it("reach into no other package's sources", () => {
    const home = (file: string) => /^packages\/[^/]+\//.exec(relative(root, file))?.[0]
    const isReached = (file: string, target: string) =>
      /^packages\/[^/]+\/src\//.test(relative(root, target)) && home(target) !== home(file)
    const reaching = everything.flatMap(file =>
      readImports(file)
        .filter(({ from }) => from.startsWith('.'))
        .map(({ from }) => join(dirname(file), from))
        .filter(target => isReached(file, target))
        .map(target => `${relative(root, file)} imports ${relative(root, target)}`),
    )
    expect(reaching).toEqual([])
  })

  it('name entries that packages offer', () => {
    const offered = packages.flatMap(name =>
      Object.keys(manifestOf(name).exports ?? {}).map(entry => `@tersor/${name}${entry.slice(1)}`),
    )
    // `./*` stands for one file of the folders that tsconfig.base.json names, which the compiler looks for.
    const isOffered = (from: string) =>
      offered.some(entry => entry === from || (entry.endsWith('/*') && dirname(from) === dirname(entry)))
    const unknown = everything.flatMap(file =>
      readImports(file)
        .filter(({ from }) => packageOf(from) !== undefined && !isOffered(from))
        .map(({ from }) => `${relative(root, file)} imports ${from}`),
    )
    expect(unknown).toEqual([])
  })
})
