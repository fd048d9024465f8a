import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { findPages } from './find-examples.ts'

const root = join(import.meta.dirname, '..', '..', '..')

it('every link from page to page leads somewhere', () => {
  const links = findPages(root).flatMap(page => {
    const text = readFileSync(join(root, page), 'utf8')
    return Array.from(text.matchAll(/\]\((?!\w+:)([^)#\s]+)[^)]*\)/g), ([, path]) => [page, path!] as const)
  })
  expect(links.length).toBeGreaterThan(20)
  expect(links.filter(([page, path]) => !existsSync(join(root, dirname(page), path)))).toEqual([])
})
