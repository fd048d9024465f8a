import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, loadWeight, openSafetensors, weightNames } from '@tersor/formats'
import { openModel } from '@tersor/models'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runToyJob, toyJob, writeToyModel } from '../../testing/toy-job.ts'
import { verifyModel } from './verify-model.ts'

let folder = ''
let whole = new Uint8Array()
const at = (...names: string[]) => join(folder, ...names)
const target = () => at('small.safetensors')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-verify-'))
  await writeToyModel(at('model'))
  await runToyJob(at('model'), target())
  whole = new Uint8Array(await readFile(target()))
})
afterAll(() => rm(folder, { recursive: true }))

const problemsOf = async () => {
  const { ok, problems, tensors } = await verifyModel(target())
  const wrong = tensors.filter(({ problem }) => problem !== undefined)
  return { ok, problems, wrong }
}

describe('verifyModel', () => {
  it('finds nothing in what a job wrote, with the manifest beside it or inside', async () => {
    const source = await openModel(at('model'))
    expect((await toyJob(source, target()).verify()).ok).toBe(true)
    const { tensors } = await verifyModel(target())
    expect(tensors).toEqual(source.names.map(name => ({ name })))
    await source.close()
    await rename(at('small.manifest.json'), at('elsewhere.json'))
    expect((await verifyModel(target())).ok).toBe(true)
    await rename(at('elsewhere.json'), at('small.manifest.json'))
  })

  it('finds a flipped bit anywhere in the file, and names its tensor', async () => {
    const file = await openSafetensors(whole)
    const { tensors } = JSON.parse(await readFile(at('small.manifest.json'), 'utf8')) as {
      tensors: { name: string; storedName: string }[]
    }
    const headerBytes =
      whole.length - [...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (byte, bit) => {
          const flipped = whole.slice()
          flipped[byte]! ^= 1 << bit
          await writeFile(target(), flipped)
          const { ok, problems, wrong } = await problemsOf()
          expect(ok).toBe(false)
          expect(problems[0]).toBe('the file has other bytes than when it was written')
          if (byte < headerBytes) return
          expect(problems).toHaveLength(1)
          let end = headerBytes
          const stored = [...file.tensors].find(([, { byteLength }]) => byte < (end += byteLength))![0]
          expect(wrong).toHaveLength(1)
          const { storedName } = tensors.find(({ name }) => name === wrong[0]!.name)!
          expect(stored.startsWith(storedName)).toBe(true)
          expect(wrong[0]!.problem).toMatch(/^it has other bytes|^\[/)
        },
      ),
      { numRuns: 60, seed: 5 },
    )
    await writeFile(target(), whole)
  })

  it('names what is missing and what is strange', async () => {
    const file = await openSafetensors(whole)
    const names = weightNames(file).slice(1)
    const weights = await Promise.all(names.map(async name => [name, await loadWeight(file, name)] as const))
    const stranger = ['stranger', new Tensor('float32', [1], [1])] as const
    const { manifest } = { manifest: JSON.parse(await readFile(at('small.manifest.json'), 'utf8')) }
    await writeFile(target(), encodeSafetensors([...weights, stranger]))
    const { ok, tensors, problems } = await verifyModel(target(), {
      manifest: { ...manifest, file: undefined },
    })
    expect(ok).toBe(false)
    expect(problems).toEqual([])
    expect(tensors.filter(({ problem }) => problem !== undefined)).toEqual([
      { name: manifest.tensors[0].name, problem: 'it is missing' },
      { name: 'stranger', problem: 'the manifest does not know it' },
    ])
    await writeFile(target(), whole.slice(0, -1))
    expect((await problemsOf()).problems[1]).toMatch(/it was cut short or extended/)
    await writeFile(target(), whole)
  })

  it('wants a manifest that is one', async () => {
    await expect(verifyModel(at('nothing.safetensors'))).rejects.toThrow(/ENOENT|expected/)
    await writeFile(at('bare.safetensors'), encodeSafetensors([['w', new Tensor('float32', [1], [1])]]))
    await expect(verifyModel(at('bare.safetensors'))).rejects.toThrow(/expected a manifest in/)
    for (const text of ['', '{', 'null', '[]', '{"version":2}', '{"version":1,"id":"x","tensors":[{}]}']) {
      await writeFile(at('bare.manifest.json'), text)
      await expect(verifyModel(at('bare.safetensors'))).rejects.toThrow(/expected a manifest of version 1/)
    }
  })
})
