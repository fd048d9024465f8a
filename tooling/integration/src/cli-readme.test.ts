import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@tersor/cli'
import { describe, expect, it } from 'vitest'

const data = fileURLToPath(new URL('../../../../shared/data/lm-stories260k', import.meta.url))
const present = existsSync(data)
if (!present) console.log(`skipped: the outputs in the command's README need ${data}`)

const readme = readFileSync(new URL('../../../packages/cli/README.md', import.meta.url), 'utf8')

/** A command of the README and what it is said to print; lines of `…` leave something out. */
const excerpts = [...readme.matchAll(/```sh\ntersor (.+)\n```\s+```text\n([^`]+)```/g)].map(
  ([, command = '', output = '']) => ({ command, lines: output.trim().split('\n') }),
)

/** Cells, whatever the width of the columns that other rows ask for. */
const cells = (line: string) => line.replaceAll('─', '').trim().split(/\s+/).join(' ')

describe.skipIf(!present)('the README of the command', () => {
  it('shows what the command prints', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-readme-'))
    const before = process.cwd()
    try {
      for (const file of ['stories260K.bin', 'tok512.bin'])
        await copyFile(join(data, file), join(folder, file))
      const story = /one line: \*(.+)\*\)/.exec(readme)?.[1] ?? ''
      await writeFile(join(folder, 'story.txt'), story)
      process.chdir(folder)
      expect(excerpts.length).toBe(4)
      for (const { command, lines } of excerpts) {
        let printed = ''
        const out = { write: (text: string) => (printed += text) }
        expect(await run(command.split(' '), { out, err: out })).toBe(0)
        const actual = printed.split('\n').map(cells)
        for (const line of lines.filter(line => line !== '…')) expect(actual).toContain(cells(line))
      }
    } finally {
      process.chdir(before)
      await rm(folder, { recursive: true })
    }
  })
})
