import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { layoutRows, layoutsRoot, layoutTable } from './testing/layout-table.ts'

const docs = readFileSync(new URL('../../../docs/files.md', import.meta.url), 'utf8')

describe.skipIf(!existsSync(layoutsRoot))('docs/files.md (needs ../shared/data)', () => {
  it('lists every layout with the tick that comparing its numbers gives', async () => {
    const rows = await layoutRows()
    expect(rows).toHaveLength(75)
    expect(rows.filter(({ exact }) => !exact)).toEqual([])
    // Printed by pnpm layouts --write.
    expect(docs).toContain(layoutTable(rows))
  })
})
