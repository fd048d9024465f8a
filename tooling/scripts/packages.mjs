// The packages of the workspace that are published.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.mjs'

/** @returns {{ name: string, directory: string, manifest: Record<string, any> }[]} in alphabetical order */
export function packages() {
  return readdirSync(join(root, 'packages'))
    .sort()
    .map(folder => join(root, 'packages', folder))
    .filter(directory => existsSync(join(directory, 'package.json')))
    .map(directory => {
      const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
      return { name: manifest.name, directory, manifest }
    })
}

/**
 * The specifiers under which a package can be imported; files that are only fetched are not among them. What a
 * pattern such as `./*` stands for is what has been built.
 */
export function entries({ name, directory, manifest }) {
  return Object.entries(manifest.exports)
    .filter(([, target]) => typeof target === 'object')
    .flatMap(([path, target]) => (path.includes('*') ? matches(directory, path, target.default) : [path]))
    .map(path => name + path.slice(1))
}

/** The paths of a pattern whose files there are. */
function matches(directory, path, target) {
  const [before, after] = target.split('*')
  const folder = join(directory, before)
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter(file => file.endsWith(after))
    .map(file => path.replace('*', file.slice(0, -after.length)))
}
