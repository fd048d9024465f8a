// The methods of all packages, from the files that they are built from: each has an entry of its own.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { packages } from './packages.mjs'

/**
 * @returns {{ folder: string, name: string, export: string }[]} `quant-ease` of packages/quantize exports `quantEase`
 */
export function methods() {
  return packages().flatMap(({ directory }) => {
    const entries = join(directory, 'dist', 'entries')
    const folder = directory.split(/[/\\]/).at(-1)
    const files = existsSync(entries) ? readdirSync(entries).filter(file => file.endsWith('.js')) : []
    return files.map(file => {
      const name = file.slice(0, -'.js'.length)
      return { folder, name, export: name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase()) }
    })
  })
}
