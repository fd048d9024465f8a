import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@tersor/core-tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeHub, fakeHub } from '../../testing/fake-hub.ts'
import { type Answering, type FileServer, fileServer, sendFile } from '../../testing/file-server.ts'
import { throttled } from '../../testing/throttled.ts'
import { folderCache } from '../cache/folder-cache.ts'
import { openSource, type SourceOptions } from '../random-access.ts'

const content = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 251)
const small = content.subarray(0, 500)
const retry = { delay: 1, stall: 10_000, retries: 3 }

describe('a cache', () => {
  let folder: string
  const servers: { close(): Promise<void> }[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-cached-'))
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
    await rm(folder, { recursive: true })
  })

  async function serve(answering?: Answering): Promise<FileServer> {
    const server = await fileServer({ '/model.bin': content }, answering)
    servers.push(server)
    return server
  }

  async function hubOf(storing?: Answering): Promise<FakeHub> {
    const files = { 'model.bin': content, 'a/config.json': small, 'a/b.json': small, 'c.json': small }
    const hub = await fakeHub({ 'owner/name': files }, { token: 'hf_secret', ...(storing && { storing }) })
    servers.push(hub)
    return hub
  }

  const options = (more: SourceOptions = {}) => ({ cache: folderCache(folder), retry, ...more })
  const onHub = ({ hub }: FakeHub, more: SourceOptions = {}) =>
    options({ hub: hub.url, headers: { authorization: 'Bearer hf_secret' }, ...more })

  async function whole(from: string | URL, options: SourceOptions): Promise<Uint8Array> {
    const source = await openSource(from, options)
    const bytes = await source.read(0, source.byteLength)
    await source.close()
    return bytes
  }

  const keys = async () => (await readdir(folder)).map(name => name.replace(/[0-9a-f]{32}/, 'HASH')).sort()

  it('is filled once, from a server without ranges too', async () => {
    for (const ranged of [true, false]) {
      let bodies = 0
      const server = await serve(({ range }, response) => {
        if (range !== 'bytes=0-0') bodies++
        return !ranged && sendFile(response, content, undefined) > 0
      })
      const url = new URL('model.bin', server.url)
      for (let i = 0; i < 2; i++) expect(Buffer.compare(await whole(url, options()), content)).toBe(0)
      expect(bodies).toBe(1)
    }
    expect(await keys()).toEqual(['model.bin-HASH', 'model.bin-HASH'])
  })

  it('keeps a file of the Hub by its hash, and tells no token to anybody', async () => {
    const hub = await hubOf()
    for (const [name, bytes] of [
      ['hf:owner/name/model.bin', content],
      ['hf:owner/name/a/config.json', small],
    ] as const) {
      for (let i = 0; i < 2; i++) expect(Buffer.compare(await whole(name, onHub(hub)), bytes)).toBe(0)
    }
    expect(hub.store.asked.length).toBe(2)
    expect(JSON.stringify(hub.store.asked)).not.toContain('secret')
    expect(await keys()).toEqual(['config.json-HASH', 'model.bin-HASH'])
    for (const name of await readdir(folder)) {
      expect(name).not.toContain('secret')
      expect((await readFile(join(folder, name))).includes('secret')).toBe(false)
    }
    await expect(whole('hf:owner/name/none.bin', onHub(hub))).rejects.toThrow('got 404')
  })

  it('gets a throttled model that is cut twice whole, once, with a checksum', async () => {
    const slow = throttled(content, { bytesPerSecond: 5e6, cuts: [300_000, 700_000] })
    const hub = await hubOf(slow.answering)
    const told: number[] = []
    const onProgress = (done: number) => void told.push(done)
    expect(Buffer.compare(await whole('hf:owner/name/model.bin', onHub(hub, { onProgress })), content)).toBe(
      0,
    )
    expect(slow.sent()).toBe(content.length)
    expect(hub.store.asked.length).toBe(3)
    expect(told.at(-1)).toBe(content.length)
    expect(told).toEqual([...told].sort((a, b) => a - b))
  })

  it('goes on after a stop', async () => {
    const slow = throttled(content, { bytesPerSecond: 20e6, cuts: [] })
    const hub = await hubOf(slow.answering)
    const stop = new AbortController()
    const stopping = onHub(hub, {
      signal: stop.signal,
      onProgress: done => done > 400_000 && stop.abort(new Error('enough')),
    })
    await expect(whole('hf:owner/name/model.bin', stopping)).rejects.toThrow('enough')
    expect(await keys()).toEqual(['model.bin-HASH.part'])
    const told: number[] = []
    const onProgress = (done: number) => void told.push(done)
    expect(Buffer.compare(await whole('hf:owner/name/model.bin', onHub(hub, { onProgress })), content)).toBe(
      0,
    )
    expect(told[0]).toBeGreaterThan(400_000)
    expect(await keys()).toEqual(['model.bin-HASH'])
  })

  it('drops what has another hash', async () => {
    const damaged = content.slice()
    damaged[500_000]! ^= 1
    const hub = await hubOf(({ range }, response) => sendFile(response, damaged, range) > 0)
    const opening = whole('hf:owner/name/model.bin', onHub(hub))
    await expect(opening).rejects.toThrow(FormatError)
    await expect(opening).rejects.toThrow(/expected bytes with the sha256 .*dropped/)
    expect(await keys()).toEqual([])
  })

  it('downloads again what changed, what nothing vouches for, and what was cut short', async () => {
    let bytes = content
    const server = await serve(({ range }, response) => sendFile(response, bytes, range) > 0)
    const url = new URL('model.bin', server.url)
    expect(Buffer.compare(await whole(url, options()), content)).toBe(0)
    bytes = content.slice().reverse()
    expect(Buffer.compare(await whole(url, options()), bytes)).toBe(0)
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'short')
    expect(Buffer.compare(await whole(url, options()), bytes)).toBe(0)
    const silent = await serve((_, response) => !!response.writeHead(200, { 'content-length': 3 }).end('abc'))
    for (let i = 0; i < 2; i++) await whole(new URL('model.bin', silent.url), options())
    expect(silent.asked.length).toBe(4)
  })

  it('knows a signed file again under another signature', async () => {
    const server = await serve()
    const signed = (signature: string, id: string) =>
      new URL(`model.bin?id=${id}&X-Amz-Signature=${signature}`, server.url)
    await whole(signed('1', 'a'), options())
    await whole(signed('2', 'a'), options())
    expect((await keys()).length).toBe(1)
    await whole(signed('2', 'b'), options())
    expect((await keys()).length).toBe(2)
  })
})

it('a pointer of Git LFS is told as what it is, on disk and on a server', async () => {
  const pointer = new TextEncoder().encode(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1000\n`,
  )
  const folder = await mkdtemp(join(tmpdir(), 'tersor-pointer-'))
  await writeFile(join(folder, 'model.bin'), pointer)
  await expect(openSource(join(folder, 'model.bin'))).rejects.toThrow('got a pointer of Git LFS')
  const server = await fileServer({ '/model.bin': pointer })
  await expect(openSource(new URL('model.bin', server.url))).rejects.toThrow('got a pointer of Git LFS')
  await server.close()
  await rm(folder, { recursive: true })
})
