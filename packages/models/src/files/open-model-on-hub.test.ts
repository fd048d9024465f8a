import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@tersor/core-tensor'
import { encodeSafetensors, folderCache, HttpStatusError } from '@tersor/formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeHub, fakeHub } from '../../../formats/testing/fake-hub.ts'
import { configText } from '../architectures/read-config.ts'
import type { Decoder } from '../decoder/decoder.ts'
import { randomModel, storedWeights } from '../testing/random-model.ts'
import { loadModel } from './load-model.ts'
import { openModel } from './open-model.ts'

async function logits(model: Decoder) {
  const tokens = Int32Array.of(3, 1, 4, 1, 5)
  return (await model.forward(tokens, { cache: model.createCache() })).logits!.data
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('a model on the Hub', () => {
  const model = randomModel()
  const config = new TextEncoder().encode(configText(model.config))
  const all = [...storedWeights(model)]
  const weights = encodeSafetensors(all)
  const shards = {
    'model-00001-of-00002.safetensors': encodeSafetensors(all.slice(0, 7)),
    'model-00002-of-00002.safetensors': encodeSafetensors(all.slice(7)),
  }
  const map = all.map(([name], i) => [name, Object.keys(shards)[i < 7 ? 0 : 1]])
  let server: FakeHub
  const headers = { authorization: 'Bearer hf_secret' }

  beforeAll(async () => {
    const repositories = {
      'owner/one': { 'README.md': text(1), 'config.json': config, 'model.safetensors': weights },
      'owner/shards': {
        ...{ 'config.json': config, ...shards },
        'model.safetensors.index.json': text({ weight_map: Object.fromEntries(map) }),
      },
      'owner/several': {
        'a.gguf': weights,
        'b.gguf': weights,
        'c/d#1 %.safetensors': weights,
        'c/config.json': config,
      },
    }
    server = await fakeHub(repositories, { token: 'hf_secret' })
  })
  afterAll(() => server.close())

  const options = () => ({ hub: server.hub.url, headers, retry: { delay: 1 } })

  it.each([
    'hf:owner/one',
    'hf:owner/shards',
    'hf:owner/one@main/model.safetensors',
    'hf:owner/several/c/d#1 %.safetensors',
  ])('is loaded from %s', async name => {
    expect(await logits(await loadModel(name, options()))).toEqual(await logits(model))
  })

  it('is kept in a cache, from which it is loaded the next time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-hub-'))
    const cached = { ...options(), cache: folderCache(folder) }
    expect(await logits(await loadModel('hf:owner/shards', cached))).toEqual(await logits(model))
    const before = server.store.sent
    expect(await logits(await loadModel('hf:owner/shards', cached))).toEqual(await logits(model))
    expect(server.store.sent).toBe(before)
    const kept = (await readdir(folder)).map(name => name.replace(/-[0-9a-f]{32}$/, ''))
    expect(kept.sort()).toEqual(['config.json', ...Object.keys(shards), 'model.safetensors.index.json'])
    await rm(folder, { recursive: true })
  })

  it('is named by what was asked for, its files by URL', async () => {
    const file = await openModel('hf:owner/one', options())
    expect(String(file.from)).toBe(`${server.hub.url}owner/one/resolve/main/`)
    expect(file.files.map(String)).toEqual([`${server.hub.url}owner/one/resolve/main/model.safetensors`])
    expect(file.fileBytes).toBe(weights.length)
    await file.close()
  })

  it('is to be named where there are several, may not be there, or not be for everybody', async () => {
    await expect(openModel('hf:owner/several', options())).rejects.toThrow(/a\.gguf, b\.gguf; name the one/)
    await expect(openModel('hf:owner/none', options())).rejects.toThrow(HttpStatusError)
    await expect(openModel('hf:owner/one/none.gguf', options())).rejects.toThrow('got 404')
    await expect(openModel('hf:owner/one', { ...options(), headers: {} })).rejects.toThrow('wants a token')
    await expect(openModel('hf:one', options())).rejects.toThrow(FormatError)
  })

  it('is fetched without telling the token to whoever has the bytes', () => {
    expect(server.store.asked.length).toBeGreaterThan(10)
    for (const { headers } of server.store.asked) expect(headers.authorization).toBeUndefined()
  })
})
