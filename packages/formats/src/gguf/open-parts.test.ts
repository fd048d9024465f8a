import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes, type TypedValue } from '../../testing/gguf-bytes.ts'
import { openGguf } from './open-gguf.ts'

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

/** Part `no` of `count`, with a tensor of that number. */
function part(no: number, { count = 3, tensors = 3, name = `t${no}` } = {}): Uint8Array {
  const metadata: (readonly [string, TypedValue])[] = [
    ['split.no', [2, no]],
    ['split.count', [2, count]],
    ['split.tensors.count', [5, tensors]],
  ]
  if (no === 0) metadata.push(['general.architecture', [8, 'llama']])
  return ggufBytes({ metadata, tensors: [{ name, ne: [2], type: 0, data: floats(no, 7) }] })
}

describe('openGguf of a model in several files', () => {
  let folder: string
  const path = (no: number) => join(folder, `m-0000${no + 1}-of-00003.gguf`)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-gguf-parts-'))
    for (const no of [0, 1, 2]) await writeFile(path(no), part(no))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('opens all by any of them, from a path, a URL and bytes', async () => {
    const open = (number: number) => part(number - 1)
    for (const [from, options] of [
      [path(0), {}],
      [path(2), {}],
      [pathToFileURL(path(1)), {}],
      [part(0), { open }],
      [part(1), { open }],
    ] as const) {
      const file = await openGguf(from, options)
      expect(file.metadata.get('general.architecture')).toBe('llama')
      expect([...file.tensors.keys()]).toEqual(['t0', 't1', 't2'])
      for (const no of [0, 1, 2]) expect([...(await file.read(`t${no}`)).data]).toEqual([no, 7])
      expect(file.parts.length).toBe(3)
      await file.close()
    }
    const { parts } = await openGguf(path(1))
    expect(parts).toEqual([path(0), path(1), path(2)])
  })

  it('gives a vocabulary that is no part of anything', async () => {
    const file = await openGguf(path(0))
    const alone = await openGguf(await file.metadataFile())
    expect([...alone.metadata]).toEqual([['general.architecture', 'llama']])
  })

  it('says what to do where the others cannot be found', async () => {
    await expect(openGguf(part(1))).rejects.toThrow(UnsupportedError)
    await expect(openGguf(part(1))).rejects.toThrow(
      'expected a model in one file, got part 2 of 3; keep all parts',
    )
    const renamed = join(folder, 'model.gguf')
    await writeFile(renamed, part(0))
    await expect(openGguf(renamed)).rejects.toThrow(UnsupportedError)
    const alone = join(folder, 'n-00001-of-00003.gguf')
    await writeFile(alone, part(0))
    await expect(openGguf(alone)).rejects.toThrow(FormatError)
    await expect(openGguf(alone)).rejects.toThrow('n-00002-of-00003.gguf", got no such file')
  })

  it.each([
    ['another part', (no: number) => part(no === 1 ? 2 : no)],
    ['a part of another count', (no: number) => part(no, { count: no === 1 ? 4 : 3 })],
    ['a file that is no part', (no: number) => (no === 1 ? ggufBytes({}) : part(no))],
    ['a tensor twice', (no: number) => part(no, { name: 't' })],
    ['fewer tensors than stated', (no: number) => part(no, { tensors: 4 })],
  ])('refuses %s', async (_, bytesOf) => {
    let opened = 0
    const open = (number: number) => {
      const bytes = bytesOf(number - 1)
      opened++
      return bytes
    }
    await expect(openGguf(bytesOf(0), { open })).rejects.toThrow(FormatError)
    expect(opened).toBeGreaterThan(0)
  })

  it.each([
    ['a part past the count', [2, 3], [2, 3]],
    ['a count that is no number', [2, 0], [8, '3']],
    ['too many parts', [4, 0], [4, 5000]],
    ['half a part', [6, 0.5], [2, 3]],
  ] as const)('refuses %s', async (_, no, count) => {
    const bytes = ggufBytes({
      metadata: [
        ['split.no', no],
        ['split.count', count],
      ],
    })
    await expect(openGguf(bytes, { open: () => part(1) })).rejects.toThrow(FormatError)
  })
})
