import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { dense, FormatError, Tensor } from '@tersor/core-tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSafetensorsWriter } from './create-safetensors-writer.ts'
import { encodeSafetensors } from './encode-safetensors.ts'

const entries = [
  ['c', new Tensor('uint8', [1, 2, 3], [3])],
  ['b', new Tensor('float32', [1, 2], [2])],
  ['a', dense(new Tensor('int8', [1, 2], [2]))],
  ['empty', new Tensor('float32', [], [0])],
] as const

describe('createSafetensorsWriter', () => {
  let folder = ''
  let path = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-writer-'))
    path = join(folder, 'model.safetensors')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it.each([
    ['given', entries],
    ['reversed', entries.toReversed()],
  ])('writes the bytes of encodeSafetensors, from entries in %s order', async (_, entries) => {
    const writer = await createSafetensorsWriter(pathToFileURL(path), { metadata: { x: '1', y: '1' } })
    // Not awaited one by one: calls queue up.
    await Promise.all(entries.map(([name, weight]) => writer.write(name, weight)))
    const { fileBytes } = await writer.finish({ y: '2' })
    const written = new Uint8Array(await readFile(path))
    expect(written).toEqual(encodeSafetensors(entries, { metadata: { x: '1', y: '2' } }))
    expect(fileBytes).toBe(written.length)
    expect(await readdir(folder)).toEqual(['model.safetensors'])
  })

  it('leaves nothing after an abort, and the file that was there', async () => {
    await writeFile(path, 'before')
    const writer = await createSafetensorsWriter(path)
    await writer.write('a', new Tensor('uint8', [1], [1]))
    expect((await readdir(folder)).length).toBe(2)
    expect(await readFile(path, 'utf8')).toBe('before')
    await writer.abort()
    await writer.abort()
    expect(await readdir(folder)).toEqual(['model.safetensors'])
    expect(await readFile(path, 'utf8')).toBe('before')
    await expect(writer.write('b', new Tensor('uint8', [1], [1]))).rejects.toThrow('expected an open writer')
    await expect(writer.finish()).rejects.toThrow(FormatError)
  })

  it('leaves nothing after an error', async () => {
    const writer = await createSafetensorsWriter(path)
    await writer.write('a', new Tensor('uint8', [1], [1]))
    await expect(writer.write('a', new Tensor('uint8', [1], [1]))).rejects.toThrow('expected each name once')
    expect(await readdir(folder)).toEqual([])
    const another = await createSafetensorsWriter(path)
    await expect(another.finish({ tersor: '' })).rejects.toThrow(FormatError)
    expect(await readdir(folder)).toEqual([])
  })

  it('copies tensors that are larger than a piece', async () => {
    const large = new Tensor(
      'uint8',
      Uint8Array.from({ length: 5_000_001 }, (_, i) => i % 251),
      [5_000_001],
    )
    const writer = await createSafetensorsWriter(path)
    await writer.write('x', new Tensor('uint8', [7], [1]))
    await writer.write('large', large)
    await writer.finish()
    const expected = encodeSafetensors([
      ['large', large],
      ['x', new Tensor('uint8', [7], [1])],
    ])
    expect(Buffer.compare(await readFile(path), expected)).toBe(0)
  })
})
