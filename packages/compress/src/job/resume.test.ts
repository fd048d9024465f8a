import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FileError, Rng } from '@tersor/core-tensor'
import { openModel } from '@tersor/models'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mortalFiles } from '../../testing/mortal-files.ts'
import { runToyJob, toyJob, writeToyModel } from '../../testing/toy-job.ts'

const run = promisify(execFile)
const WHOLE: readonly string[] = ['small.manifest.json', 'small.safetensors', 'tokenizer.json']

let folder = ''
let expected = ''
let changes = 0
const at = (...names: string[]) => join(folder, ...names)
const hashOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

beforeAll(async () => {
  // Thousands of syncs, which a disk of memory does not wait for.
  const room = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  folder = await mkdtemp(join(room, 'tersor-resume-'))
  await writeToyModel(at('model'))
  const counted = await mortalFiles(Infinity, () => {
    throw new Error('never')
  })
  await runToyJob(at('model'), at('whole', 'small.safetensors'))
  changes = counted.changes()
  counted.restore()
  expected = await hashOf(at('whole', 'small.safetensors'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What a killed run left: nothing unfinished has the name of the target. */
async function requireNoPartial(place: string): Promise<void> {
  const names: string[] = await readdir(place).catch(() => [])
  for (const name of names) expect([...WHOLE, 'small.safetensors.job']).toContain(name)
  if (names.includes('small.safetensors'))
    expect(await hashOf(join(place, 'small.safetensors'))).toBe(expected)
}

describe('a job that is stopped', () => {
  it('goes on to the same bytes, wherever the disk fails it, and leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: changes - 1 }), { minLength: 1, maxLength: 3 }),
        async stops => {
          const place = await mkdtemp(at('stopped-'))
          const target = join(place, 'small.safetensors')
          for (const stop of stops) {
            const files = await mortalFiles(stop, () => {
              throw new Error('the disk is gone')
            })
            const outcome = await runToyJob(at('model'), target).then(
              () => 'done',
              error => error.message,
            )
            files.restore()
            // A second stop may be later than what is left to do.
            expect(outcome).toMatch(/^(done|the disk is gone|\[compress\/job\] expected to write .+)$/)
            if (outcome === 'done') await rm(target)
            await buryOwner(`${target}.job`)
            await requireNoPartial(place)
          }
          await runToyJob(at('model'), target)
          expect(await hashOf(target)).toBe(expected)
          expect((await readdir(place)).sort()).toEqual(WHOLE)
        },
      ),
      { numRuns: 15, seed: 3 },
    )
  }, 60_000)

  it('says when the disk is full, and goes on when it is not', async () => {
    const target = at('full', 'small.safetensors')
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    })
    const files = await mortalFiles(changes >> 1, () => {
      throw full
    })
    const stopped = runToyJob(at('model'), target).catch(error => error)
    const error = await stopped
    files.restore()
    expect(error).toBeInstanceOf(FileError)
    expect(error.message).toMatch(/no space left on device, write; what is done is kept/)
    await buryOwner(`${target}.job`)
    await runToyJob(at('model'), target)
    expect(await hashOf(target)).toBe(expected)
  })

  it('does again what was damaged meanwhile', async () => {
    const target = at('damaged', 'small.safetensors')
    const source = await openModel(at('model'))
    const stop = new AbortController()
    const onProgress = (done: number) => {
      if (done === 8) stop.abort(new Error('enough'))
    }
    await expect(toyJob(source, target).run({ signal: stop.signal, onProgress })).rejects.toThrow('enough')
    const job = (name: string) => join(`${target}.job`, name)
    const damaged = await readFile(job('00001.safetensors'))
    damaged[damaged.length - 1]! ^= 1
    await writeFile(job('00001.safetensors'), damaged)
    await rm(job('00003.safetensors'))
    await appendFile(job('journal.jsonl'), '{"key":"model.norm.wei')
    const { resumed } = await toyJob(source, target).run()
    await source.close()
    expect(resumed).toBe(6)
    expect(await hashOf(target)).toBe(expected)
  })

  it('goes on to the same bytes after SIGKILL at 20 places, and leaves nothing', async () => {
    const script = at('killed-job.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('../../testing/killed-job.ts', import.meta.url))],
      ...{
        outfile: script,
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'es2022',
        conditions: ['@tersor/source'],
      },
    })
    const rng = new Rng(20)
    const places = Array.from({ length: 20 }, () => rng.integer(changes))
    for (const [i, stop] of places.entries()) {
      const target = at(`killed-${i}`, 'small.safetensors')
      const killed = run(process.execPath, [script, at('model'), target, String(stop)])
      await expect(killed).rejects.toMatchObject({ signal: 'SIGKILL' })
      await requireNoPartial(at(`killed-${i}`))
      await runToyJob(at('model'), target)
      expect(await hashOf(target), `killed at change ${stop}`).toBe(expected)
      expect(readdirSync(at(`killed-${i}`)).sort()).toEqual(WHOLE)
    }
  }, 60_000)
})

/** Makes the lock in a folder that of a process that is gone. */
async function buryOwner(job: string): Promise<void> {
  for (const name of await readdir(job).catch(() => [])) {
    if (!name.startsWith('lock-')) continue
    const owner = JSON.parse((await readFile(join(job, name), 'utf8')) || '{}')
    await writeFile(join(job, name), JSON.stringify({ ...owner, pid: 2 ** 30 }))
  }
}
