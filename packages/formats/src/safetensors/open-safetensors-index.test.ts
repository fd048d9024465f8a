import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from './encode-safetensors.ts'
import { openSafetensorsIndex } from './open-safetensors-index.ts'

const shards: Record<string, Uint8Array> = {
  '1.safetensors': encodeSafetensors([
    ['a', new Tensor('float32', [1, 2], [2])],
    ['spare', new Tensor('uint8', [0], [1])],
  ]),
  '2.safetensors': encodeSafetensors([['b', new Tensor('int8', [3], [1])]]),
}

const index = {
  metadata: { total_size: 9, note: 'text' },
  weight_map: { b: '2.safetensors', a: '1.safetensors' },
}
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const open = (shard: string) => shards[shard]!

describe('openSafetensorsIndex', () => {
  it('reads shards as one file, from a path, a URL and bytes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-index-'))
    const path = join(folder, 'model.safetensors.index.json')
    await writeFile(path, JSON.stringify(index))
    for (const [name, bytes] of Object.entries(shards)) await writeFile(join(folder, name), bytes)
    for (const file of [
      await openSafetensorsIndex(path),
      await openSafetensorsIndex(pathToFileURL(path)),
      await openSafetensorsIndex(bytesOf(index), { open }),
    ]) {
      expect([...file.tensors.keys()]).toEqual(['b', 'a'])
      expect(file.tensors.get('a')).toMatchObject({ type: 'float32', dims: [2], byteLength: 8 })
      expect([...(await file.readBytes('b'))]).toEqual([3])
      expect([...file.metadata]).toEqual([
        ['total_size', '9'],
        ['note', 'text'],
      ])
      expect([...(await file.read('a')).data]).toEqual([1, 2])
      expect([...(await file.read('b')).data]).toEqual([3])
      await expect(file.read('spare')).rejects.toThrow(FormatError)
      await file.close()
    }
    await rm(join(folder, '2.safetensors'))
    await expect(openSafetensorsIndex(path)).rejects.toThrow(
      'expected the shard "2.safetensors" beside the index',
    )
    await rm(folder, { recursive: true })
  })

  it.each([
    '../1.safetensors',
    'a/../b',
    '/a',
    'a/',
    'a//b',
    './.',
    'a\\b',
    '..',
    '.',
    '',
    'C:x',
    'C:/x',
    'x%2f',
    'x?y',
    'x#y',
    1,
    null,
  ])('refuses a shard named %j', async shard => {
    await expect(openSafetensorsIndex(bytesOf({ weight_map: { a: shard } }), { open })).rejects.toThrow(
      FormatError,
    )
  })

  it('finds shards in folders below, and the same one however it is spelled', async () => {
    const asked: string[] = []
    const find = (shard: string) => {
      asked.push(shard)
      return shards[shard.slice(shard.lastIndexOf('/') + 1)]!
    }
    const weight_map = { a: './1.safetensors', spare: '1.safetensors', b: 'more/./2.safetensors' }
    const file = await openSafetensorsIndex(bytesOf({ weight_map }), { open: find })
    expect(asked).toEqual(['1.safetensors', 'more/2.safetensors'])
    for (const [name, value] of Object.entries({ a: [1, 2], spare: [0], b: [3] }))
      expect([...(await file.read(name)).data]).toEqual(value)
  })

  it('refuses a tensor that its shard lacks, a malformed index, and an index without a place', async () => {
    const wrong = { weight_map: { a: '2.safetensors' } }
    await expect(openSafetensorsIndex(bytesOf(wrong), { open })).rejects.toThrow('got "a"')
    for (const value of [{}, [], { weight_map: [] }, { weight_map: {}, metadata: 1 }]) {
      await expect(openSafetensorsIndex(bytesOf(value), { open })).rejects.toThrow(FormatError)
    }
    await expect(openSafetensorsIndex(bytesOf(index))).rejects.toThrow(UnsupportedError)
  })
})
