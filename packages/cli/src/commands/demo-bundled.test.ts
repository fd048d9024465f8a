import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { json, tersor } from '../testing/tersor.ts'

it('tersor demo compresses and scores a bundled model on text and tasks of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'))
  try {
    const args = ['--report', folder, '--tokens', '300', '--tasks', 'addition-2', '--n', '3']
    const { model, text, tasks, rows } = await json('demo', 'tiny-lm-mini', ...args)
    expect(model).toBe('tiny-lm-mini')
    expect(text).toContain('stories')
    expect(tasks.tasks['addition-2'].n).toBe(3)
    expect(rows[0].tasks.answerNats).toBeGreaterThan(0)
    expect(await readFile(join(folder, 'index.html'), 'utf8')).toContain('addition-2 (n 3)')
    expect((await tersor('demo', '--help')).out).toMatch(/Without MODEL,\s+the\s+bundled tiny-lm\./)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 300_000)
