// pnpm layouts [--write]: the table of layouts in docs/files.md, from reading checkpoints of all of them and comparing every number; needs
// ../shared/data beside the repository. Without --write the script fails when the table differs.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceBetween } from '../../config/replace-between.ts'
import { layoutRows, layoutTable } from '../integration/src/testing/layout-table.ts'

const path = join(import.meta.dirname, '..', '..', 'docs', 'files.md')
const text = readFileSync(path, 'utf8')
const printed = replaceBetween(
  text,
  '<!-- printed by pnpm layouts -->',
  '<!-- end of what is printed -->',
  layoutTable(await layoutRows()),
)
if (printed === text) console.log('✓ table of layouts')
else if (process.argv.includes('--write')) writeFileSync(path, printed)
else {
  console.error(
    '✗ docs/files.md: the table of layouts is not what reading them gives; run pnpm layouts --write',
  )
  process.exitCode = 1
}
