import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8')

/** Which packages of the workspace each package needs at run time, by folder. */
const needed = new Map(
  readdirSync(join(root, 'packages'))
    .filter(folder => existsSync(join(root, 'packages', folder, 'package.json')))
    .map(folder => {
      const { dependencies = {} } = JSON.parse(read('packages', folder, 'package.json'))
      const own = Object.keys(dependencies).filter(name => name.startsWith('@tersor/'))
      return [folder, own.map(name => name.replace('@tersor/', ''))]
    }),
)

describe('docs/architecture.md', () => {
  it('says who may import whom, as the packages have it', () => {
    const [, block] = /## Who may import whom\n\n```text\n([^`]*)```/.exec(read('docs', 'architecture.md'))!
    const rows = block!
      .trim()
      .split('\n')
      .map(line => line.split(/ +← /) as [string, string])
    const listed = rows.map(([folder]) => folder)
    for (const [folder, arrows] of rows) {
      if (arrows === 'any of them') continue
      const said = arrows.startsWith('nothing') ? [] : arrows.split(', ')
      expect([folder, [...said].sort()]).toEqual([folder, [...needed.get(folder)!].sort()])
      for (const other of said)
        expect(listed.indexOf(other), `${folder} ← ${other}`).toBeLessThan(listed.indexOf(folder))
    }
    // The compiled kernels of a platform belong to the package that loads them.
    const packages = [...needed.keys()].filter(folder => !/^backend-native-/.test(folder))
    expect([...listed].sort()).toEqual(packages.sort())
  })
})
