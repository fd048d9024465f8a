import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeHub, fakeHub } from '../../testing/fake-hub.ts'
import { throttled } from '../../testing/throttled.ts'

const run = promisify(execFile)
const content = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i * 7) % 251)
const expected = createHash('sha256').update(content).digest('hex')

let folder = ''
let script = ''
let hub: FakeHub
const slow = throttled(content, { bytesPerSecond: 20e6, cuts: [] })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-killed-'))
  script = join(folder, 'download.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('../../testing/download.ts', import.meta.url))],
    ...{ outfile: script, bundle: true, format: 'esm', platform: 'node', target: 'es2022' },
    conditions: ['@tersor/source'],
  })
  hub = await fakeHub({ 'owner/name': { 'model.bin': content } }, { storing: slow.answering })
})
afterAll(async () => {
  await hub.close()
  await rm(folder, { recursive: true })
})

async function download(cache: string, killAt?: number): Promise<string> {
  const at = killAt === undefined ? [] : [String(killAt)]
  const { stdout } = await run(process.execPath, [
    ...[script, 'hf:owner/name/model.bin', join(folder, cache), hub.hub.url.href],
    ...at,
  ])
  return stdout.trim()
}

describe('processes that share a cache', () => {
  it('go on where one was killed, again and again', async () => {
    for (const at of [300_000, 900_000, 1_999_999])
      await expect(download('killed', at)).rejects.toMatchObject({ signal: 'SIGKILL' })
    expect(await download('killed')).toBe(expected)
    expect(await readdir(join(folder, 'killed'))).toHaveLength(1)
    const starts = hub.store.asked.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0))
    expect(starts[0]).toBe(0)
    for (const [i, at] of [300_000, 900_000].entries()) expect(starts[i + 1]).toBeGreaterThanOrEqual(at)
  })

  it('do not spoil what another writes at the same time', async () => {
    expect(await Promise.all([download('both'), download('both')])).toEqual([expected, expected])
    expect(await readdir(join(folder, 'both'))).toHaveLength(1)
  })
})
