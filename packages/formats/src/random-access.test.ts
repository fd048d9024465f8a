import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it, vi } from 'vitest'
import { openSource, type RandomAccess, type Source, type SourceOptions } from './random-access.ts'
import { createSafetensorsWriter } from './safetensors/create-safetensors-writer.ts'

const content = Uint8Array.from({ length: 100 }, (_, i) => i)

/** A server of `content`, with its answers changed by `change`. */
function server(
  change: (response: {
    status: number
    headers: Record<string, string>
    body: Uint8Array
  }) => void = () => {},
) {
  const ranges: string[] = []
  const serve: typeof fetch = async (_, init) => {
    const range = new Headers(init?.headers).get('range') ?? ''
    ranges.push(range)
    const [start, end] = range.replace('bytes=', '').split('-').map(Number) as [number, number]
    const body = content.slice(start, end + 1)
    const response = {
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end}/${content.length}` },
      body,
    }
    change(response)
    return new Response(response.body, response)
  }
  return { serve, ranges }
}

const url = new URL('https://models.example/model.bin')

describe('openSource', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-source-'))
  const path = join(folder, 'content.bin')
  writeFileSync(path, content)

  const sources: [string, Source, SourceOptions?][] = [
    ['bytes', content],
    ['an ArrayBuffer', content.buffer],
    ['a blob', new Blob([content])],
    ['a path', path],
    ['a file: URL', pathToFileURL(path)],
    ['an https: URL', url, { fetch: server().serve }],
    ['the text of an https: URL', url.href, { fetch: server().serve }],
  ]

  it.each(sources)('reads %s', async (_, from, options) => {
    const source = await openSource(from, options)
    expect(source.byteLength).toBe(100)
    expect([...(await source.read(10, 3))]).toEqual([10, 11, 12])
    expect([...(await source.read(100, 0))]).toEqual([])
    expect((await source.read(0, 100)).length).toBe(100)
    for (const [start, length] of [
      [99, 2],
      [101, 0],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, 2 ** 53],
      [2 ** 53, 1],
    ] as const) {
      await expect(source.read(start, length)).rejects.toThrow(FormatError)
    }
    await source.close()
  })

  it('reads an empty file', async () => {
    writeFileSync(join(folder, 'empty'), '')
    expect((await openSource(join(folder, 'empty'))).byteLength).toBe(0)
    const fetch = async () => new Response(null, { status: 416, headers: { 'content-range': 'bytes */0' } })
    expect((await openSource(url, { fetch })).byteLength).toBe(0)
  })

  it('does not close what it did not open', async () => {
    let closed = 0
    const own: RandomAccess = {
      byteLength: 2,
      read: async () => Uint8Array.of(1, 2),
      close: async () => void closed++,
    }
    const source = await openSource(own)
    expect([...(await source.read(0, 2))]).toEqual([1, 2])
    await source.close()
    expect(closed).toBe(0)
  })

  it('refuses what a source answers too short', async () => {
    const own: RandomAccess = { byteLength: 5, read: async () => Uint8Array.of(1), close: async () => {} }
    await expect((await openSource(own)).read(0, 5)).rejects.toThrow('expected 5 bytes at 0, got 1')
  })

  it('asks a server for the range and nothing else', async () => {
    const { serve, ranges } = server()
    const source = await openSource(url, { fetch: serve })
    await source.read(10, 20)
    expect(ranges).toEqual(['bytes=0-0', 'bytes=10-29'])
  })

  it('says what to do when a server ignores ranges, hides their header, or has no such file', async () => {
    const open = (change: Parameters<typeof server>[0]) => openSource(url, { fetch: server(change).serve })
    await expect(open(r => (r.status = 200))).rejects.toThrow(UnsupportedError)
    await expect(open(r => (r.status = 200))).rejects.toThrow('download the whole file')
    await expect(open(r => (r.headers = {}))).rejects.toThrow('Access-Control-Expose-Headers')
    await expect(open(r => (r.status = 404))).rejects.toThrow('got 404')
  })

  it('says in one sentence that a connection failed or broke off', async () => {
    const refused = async () => {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
    }
    await expect(openSource(url, { fetch: refused })).rejects.toThrow(/got 'connect ECONNREFUSED'; check/)
    const broken = new ReadableStream({ pull: controller => controller.error(new TypeError('terminated')) })
    const headers = { 'content-range': 'bytes 0-9/100' }
    const fetch = async () => new Response(broken, { status: 206, headers })
    const reading = openSource(url, { fetch, retry: { retries: 0 } }).then(source => source.read(0, 10))
    await expect(reading).rejects.toThrow(FormatError)
  })

  it('notices a file that changed, and bodies of another length', async () => {
    let change = (_: { headers: Record<string, string>; body: Uint8Array }) => {}
    const retry = { delay: 0 }
    const source = await openSource(url, { fetch: server(response => change(response)).serve, retry })
    change = r => (r.headers = { 'content-range': 'bytes 10-19/101' })
    await expect(source.read(10, 10)).rejects.toThrow('the file changed')
    change = r => (r.body = r.body.slice(1))
    await expect(source.read(10, 10)).rejects.toThrow(FormatError)
    change = r => (r.body = content)
    expect((await source.read(0, 10)).length).toBe(10)
  })

  it('stops at an aborted signal', async () => {
    const source = await openSource(content)
    await expect(source.read(0, 1, AbortSignal.abort())).rejects.toThrow('aborted')
    await expect(openSource(content, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    rmSync(folder, { recursive: true })
  })
})

it('says what to pass where there is no file system', async () => {
  const modules = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  await expect(openSource('model.safetensors')).rejects.toThrow(/new URL\(path, location\.href\)/)
  await expect(createSafetensorsWriter('model.safetensors')).rejects.toThrow(/use encodeSafetensors/)
  modules.mockRestore()
})
