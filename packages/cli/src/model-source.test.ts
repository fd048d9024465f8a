import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors } from '@tersor/formats'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type FakeHub, fakeHub } from '../../formats/testing/fake-hub.ts'
import { remoteOptions } from './model-source.ts'
import { byteTokenizer, randomWeights, smallJson, workplace } from './testing/small-model.ts'
import { failure, json, tersor } from './testing/tersor.ts'

let folder = ''
let server: FakeHub
const at = (...names: string[]) => join(folder, ...names)

beforeAll(async () => {
  folder = await workplace()
  const files = {
    'model.safetensors': encodeSafetensors(randomWeights()),
    'config.json': new TextEncoder().encode(JSON.stringify(smallJson)),
    'tokenizer.bin': byteTokenizer(),
  }
  server = await fakeHub({ 'owner/name': files }, { token: 'hf_secret' })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})
afterEach(() => vi.unstubAllEnvs())

function onHub(token = 'hf_secret') {
  vi.stubEnv('HF_ENDPOINT', server.hub.url.href)
  vi.stubEnv('HF_TOKEN', token)
}

describe('a model on the Hub', () => {
  it('is inspected as one on disk is', async () => {
    onHub()
    const { layout, ...remote } = await json('inspect', 'hf:owner/name')
    const { layout: _, ...local } = await json('inspect', at('model'))
    expect(remote).toEqual(local)
    expect(layout.format).toBe('safetensors')
  })

  it('is compressed, scored and continued; with --cache it is downloaded once', async () => {
    onHub()
    const cache = ['--cache', at('cache')]
    const first = await tersor(
      'compress',
      'hf:owner/name',
      '--method',
      'rtn',
      '-o',
      at('small.safetensors'),
      ...cache,
    )
    expect(first.code, first.err).toBe(0)
    const before = server.store.sent
    const text = ['--text', at('text.txt'), '--device', 'reference']
    const { perplexity } = await json('eval', 'hf:owner/name', ...text, ...cache)
    expect(perplexity).toBe((await json('eval', at('model'), ...text)).perplexity)
    const answer = await json(
      'generate',
      'hf:owner/name',
      '--prompt',
      'a',
      '--max-tokens',
      '3',
      '--device',
      'reference',
      ...cache,
    )
    expect(answer.tokens).toBe(3)
    // Whether other forms of tokenizers are there is asked, and nothing is downloaded again.
    expect(server.store.sent - before).toBeLessThan(10)
    const kept = (await readdir(at('cache'))).map(name => name.replace(/-[0-9a-f]{32}$/, ''))
    expect(kept.sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.bin'])
  })

  it('is told as one that wants a token, which is never told', async () => {
    onHub('hf_wrong_secret')
    const { code, message } = await failure('inspect', 'hf:owner/name')
    expect(code).toBe('FORMAT')
    expect(message).toContain('got 401; the server wants a token')
    expect(message).not.toContain('secret')
    expect((await failure('inspect', 'hf:name')).message).toContain('expected hf:owner/name')
  })
})

it('sends the token of the environment to the Hub alone', () => {
  const env = { HF_TOKEN: 'hf_secret' }
  const authorization = 'Bearer hf_secret'
  expect(remoteOptions('hf:owner/name', env).headers).toEqual({ authorization })
  expect(remoteOptions('https://huggingface.co/o/n/resolve/main/a.gguf', env).headers).toEqual({
    authorization,
  })
  for (const other of [
    'https://models.example/a.gguf',
    'http://huggingface.co/a.gguf',
    'model',
    'https://huggingface.co.evil.example/',
  ])
    expect(remoteOptions(other, env).headers).toBeUndefined()
  const elsewhere = { ...env, HF_ENDPOINT: 'https://hub.example' }
  expect(remoteOptions('hf:owner/name', elsewhere)).toEqual({
    hub: 'https://hub.example',
    headers: { authorization },
  })
  expect(remoteOptions('https://huggingface.co/o/n/resolve/main/a.gguf', elsewhere).headers).toBeUndefined()
  expect(remoteOptions('hf:owner/name', { HF_TOKEN: '' })).toEqual({ hub: undefined })
})
