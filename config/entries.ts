import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

/**
 * What a package is built from: a source for each file of `dist` that its `exports` name, without extensions.
 *
 * An entry with a source of its own (`@tersor/source`) is built from that. A pattern such as `./*`, which stands for
 * `dist/entries/*`, is built from every file in the folders that `paths` of `tsconfig.base.json` give for it, so
 * that a file more is an entry more.
 *
 * @example
 * entriesOf('packages/quantize') // { index: './src/index.ts', 'entries/gptq': './src/solvers/gptq.ts', … }
 */
export function entriesOf(directory: string): Record<string, string> {
  const { name, exports } = readJson(join(directory, 'package.json'))
  const entries: Record<string, string> = {}
  const add = (entry: string, source: string) => {
    if (entry in entries)
      throw new Error(`[entries] ${name} has two files for ${entry}: ${entries[entry]}, ${source}`)
    entries[entry] = source
  }
  for (const [path, target] of Object.entries<Record<string, string> | string>(exports)) {
    if (typeof target === 'string') continue
    const built = target.default!.replace('./dist/', '').replace(/\.js$/, '')
    if (!path.includes('*')) {
      add(built, target['@tersor/source']!)
      continue
    }
    for (const source of sourcesOf(join(directory, '..', '..'), name + path.slice(1))) {
      add(
        built.replace('*', basename(source, '.ts')),
        `./${relative(directory, source).replaceAll('\\', '/')}`,
      )
    }
  }
  return entries
}

/** The files that a pattern of specifiers stands for, such as `@tersor/quantize/*`. */
function sourcesOf(root: string, pattern: string): string[] {
  const { paths } = readJson(join(root, 'tsconfig.base.json')).compilerOptions
  const folders: string[] | undefined = paths[pattern]
  if (folders === undefined) {
    throw new Error(
      `[entries] expected "paths" of tsconfig.base.json to say where ${pattern} lies; add a line`,
    )
  }
  return folders.flatMap(folder => {
    const path = join(root, folder.replace(/\*\.ts$/, ''))
    const files = existsSync(path) ? readdirSync(path) : []
    return files.filter(file => /(?<!\.test)\.ts$/.test(file)).map(file => join(path, file))
  })
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
