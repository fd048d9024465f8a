import { gzipSync } from 'node:zlib'
import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { afterEach, describe, expect, it } from 'vitest'
import { type Answering, etagOf, type FileServer, fileServer, sendFile } from '../../testing/file-server.ts'
import { openSource, type SourceOptions } from '../random-access.ts'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { connectionTo } from './connection.ts'
import { ConnectionError } from './connection-error.ts'
import { HttpStatusError } from './http-status-error.ts'
import { readPage } from './read-page.ts'
import { readWhole } from './read-whole.ts'

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 251)
/** Silence that is part of no test counts late, because processors may be busy with others. */
const retry = { delay: 1, stall: 10_000, retries: 3 }

const servers: FileServer[] = []

async function serve(answering?: Answering): Promise<FileServer> {
  const server = await fileServer({ '/model.bin': content, '/a b#c%d.bin': content }, answering)
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

/** Reads the middle of the file. */
async function middle({ url }: FileServer, options: SourceOptions = {}): Promise<Uint8Array> {
  const source = await openSource(new URL('model.bin', url), { retry, ...options })
  return source.read(1000, 3000, options.signal)
}

const wanted = content.subarray(1000, 4000)

/** Sends the beginning of a range, as if all came, and then does `after`. */
function begin(response: Parameters<Answering>[1], range: string, bytes: number, after: 'cut' | 'stall') {
  const [start, end] = range.replace('bytes=', '').split('-').map(Number) as [number, number]
  response.writeHead(206, {
    etag: etagOf(content),
    'content-range': `bytes ${start}-${end}/${content.length}`,
    'content-length': end + 1 - start,
  })
  response.write(content.subarray(start, start + bytes), () => {
    if (after === 'cut') response.destroy()
  })
  return true
}

describe('a server', () => {
  it('may refuse HEAD: it is never asked', async () => {
    const server = await serve(({ method }, response) => method === 'HEAD' && !!response.writeHead(405).end())
    expect(await middle(server)).toEqual(wanted)
    expect(server.asked.map(({ method }) => method)).toEqual(['GET', 'GET'])
  })

  it.each([401, 403])('that answers %d is told as one that wants a token', async status => {
    const server = await serve((_, response) => !!response.writeHead(status).end())
    const opening = middle(server)
    await expect(opening).rejects.toThrow(HttpStatusError)
    await expect(opening).rejects.toThrow(new RegExp(`got ${status}; the server wants a token`))
    expect(server.asked.length).toBe(1)
  })

  it('that ignores ranges is told, and read whole all the same where the whole is wanted', async () => {
    const server = await serve((_, response) => sendFile(response, content, undefined) > 0)
    await expect(middle(server)).rejects.toThrow(UnsupportedError)
    expect(await readWhole(new URL('model.bin', server.url), 5000, { retry })).toEqual(content)
    await expect(readWhole(new URL('model.bin', server.url), 4999, { retry })).rejects.toThrow('at most 4999')
  })

  it('may hide the size in its ranges, when it says it elsewhere', async () => {
    const hidden: Answering = ({ range }, response) => {
      if (range === undefined) return false
      const [start, end] = range.replace('bytes=', '').split('-').map(Number) as [number, number]
      const headers = { 'content-range': `bytes ${start}-${end}/*` }
      return !!response.writeHead(206, headers).end(content.subarray(start, end + 1))
    }
    expect(await middle(await serve(hidden))).toEqual(wanted)
    const chunked = await serve((asked, response) => {
      if (hidden(asked, response)) return true
      response.writeHead(200).write(content)
      response.end()
      return true
    })
    await expect(middle(chunked)).rejects.toThrow('that tells its size, got neither')
  })

  it('that cuts bodies is asked for the rest, and each byte once', async () => {
    const server = await serve(({ range, index }, response) =>
      index === 0 || index > 3 ? false : begin(response, range!, 700, 'cut'),
    )
    expect(await middle(server)).toEqual(wanted)
    expect(server.asked.map(({ range }) => range)).toEqual(
      ['0-0', '1000-3999', '1700-3999', '2400-3999', '3100-3999'].map(range => `bytes=${range}`),
    )
  })

  it('that stalls is asked for the rest', async () => {
    const server = await serve(({ range, index }, response) =>
      index === 1 ? begin(response, range!, 700, 'stall') : false,
    )
    expect(await middle(server, { retry: { ...retry, stall: 300 } })).toEqual(wanted)
    expect(server.asked.at(-1)!.range).toBe('bytes=1700-3999')
  })

  it('that never answers is told after some attempts', async () => {
    const server = await serve(() => true)
    const opening = middle(server, { retry: { delay: 1, stall: 40, retries: 2 } })
    await expect(opening).rejects.toThrow(ConnectionError)
    await expect(opening).rejects.toThrow("got 'nothing for 0.04 s'")
    expect(server.asked.length).toBe(3)
  })

  it('that gives up in the middle for good is told, with how far it came', async () => {
    const server = await serve(({ index }, response) => index > 0 && !!response.destroy())
    await expect(middle(server)).rejects.toThrow(FormatError)
    expect(server.asked.length).toBe(1 + 1 + retry.retries)
  })

  it('that is busy twice is asked again', async () => {
    const server = await serve(({ index }, response) => index < 2 && !!response.writeHead(503).end())
    expect(await middle(server)).toEqual(wanted)
  })

  it('that is busy for good is told by its status', async () => {
    const server = await serve((_, response) => !!response.writeHead(503).end())
    await expect(middle(server)).rejects.toThrow('got 503; the server is out of order')
    expect(server.asked.length).toBe(1 + retry.retries)
  })

  it('that asks for patience gets it, but not for minutes', async () => {
    const server = await serve(
      ({ index }, response) => index === 1 && !!response.writeHead(429, { 'retry-after': '0' }).end(),
    )
    expect(await middle(server)).toEqual(wanted)
    const hour = await serve((_, response) => !!response.writeHead(429, { 'retry-after': '3600' }).end())
    await expect(middle(hour)).rejects.toThrow('it asks to wait 3600 s')
    expect(hour.asked.length).toBe(1)
  })

  it('that answers another range than it was asked for is refused', async () => {
    const server = await serve(
      ({ index }, response) => index > 0 && sendFile(response, content, 'bytes=0-2999') > 0,
    )
    await expect(middle(server)).rejects.toThrow('expected bytes from 1000')
  })

  it('whose file changes between requests is refused', async () => {
    const longer = new Uint8Array(6000)
    const other = content.slice().fill(1)
    for (const [changed, what] of [
      [longer, 'got 6000; the file changed'],
      [other, 'got another ETag; the file changed'],
    ] as const) {
      const server = await serve(
        ({ index, range }, response) => index > 0 && sendFile(response, changed, range) > 0,
      )
      await expect(middle(server)).rejects.toThrow(what)
    }
  })

  it('that sends a page or compressed bytes is told as what it is', async () => {
    const page = { 'content-type': 'text/html; charset=utf-8', 'content-length': 8 }
    const pages = await serve((_, response) => !!response.writeHead(200, page).end('<!doctype'.slice(0, 8)))
    await expect(middle(pages)).rejects.toThrow('got an HTML page')
    const zipped = await serve(
      (_, response) =>
        !!response.writeHead(206, { 'content-encoding': 'br', 'content-range': 'bytes 0-0/5000' }).end('x'),
    )
    await expect(middle(zipped)).rejects.toThrow(/encoded as br|expected an answer/)
    expect(zipped.asked[0]!.headers['accept-encoding']).toBe('identity')
  })

  it('is asked for the whole as a range, for which alone browsers ask as it is', async () => {
    const server = await serve()
    expect(await readWhole(new URL('model.bin', server.url), 5000, { retry })).toEqual(content)
    expect(server.asked.map(({ headers }) => headers.range)).toEqual(['bytes=0-'])
  })

  it('may compress the pages that it makes', async () => {
    const text = JSON.stringify(Array.from({ length: 100 }, (_, i) => `file-${i}`))
    const zipped = gzipSync(text)
    const headers = { 'content-encoding': 'gzip', 'content-length': zipped.length }
    const server = await serve((_, response) => !!response.writeHead(200, headers).end(zipped))
    const page = await readPage(connectionTo(new URL(server.url), { retry }), undefined)
    expect(page.text).toBe(text)
  })

  it('may have any names of files', async () => {
    const server = await serve()
    const source = await openSource(new URL(encodeURIComponent('a b#c%d.bin'), server.url), { retry })
    expect(source.byteLength).toBe(5000)
  })
})

describe('redirects', () => {
  const secret = { authorization: 'Bearer hf_secret', 'x-api-key': 'key_secret' }
  const to = (location: string) => (_: unknown, response: Parameters<Answering>[1]) =>
    !!response.writeHead(302, { location }).end()

  it('are followed, and tokens stay where they are meant for', async () => {
    const there = await serve()
    const absolute = await serve(to(new URL('model.bin', there.url).href))
    expect(await middle(absolute, { headers: secret })).toEqual(wanted)
    for (const { headers } of absolute.asked) expect(headers).toMatchObject(secret)
    for (const { headers } of there.asked) {
      expect(headers.authorization).toBeUndefined()
      expect(headers['x-api-key']).toBeUndefined()
      expect(headers.range).toBeDefined()
    }
    expect(await middle(absolute)).toEqual(wanted)
  })

  it('within a server keep them', async () => {
    const server = await serve(
      ({ path }, response) => path === '/model.bin' && to('/a%20b%23c%25d.bin')(0, response),
    )
    expect(await middle(server, { headers: secret })).toEqual(wanted)
    for (const { headers } of server.asked) expect(headers).toMatchObject(secret)
  })

  it('that go round are refused, with and without headers', async () => {
    const server = await serve(to('/model.bin'))
    await expect(middle(server, { headers: secret })).rejects.toThrow('expected at most 20 redirects')
    await expect(middle(server)).rejects.toThrow(FormatError)
  })

  it('to what is no server are refused', async () => {
    const server = await serve(to('file:///etc/passwd'))
    await expect(middle(server, { headers: secret })).rejects.toThrow(
      'expected a redirect to an http: or https: URL',
    )
    await expect(middle(server)).rejects.toThrow(FormatError)
  })
})

describe('what is secret', () => {
  it('stays out of messages', async () => {
    const server = await serve((_, response) => !!response.writeHead(403).end())
    const url = new URL('model.bin?signature=sig_secret', server.url)
    const secrets: [URL, SourceOptions?][] = [
      [url, { headers: { authorization: 'Bearer hf_secret' } }],
      [url, { headers: { authorization: 'Bearer hf_secret\nx' } }],
      [url, { headers: { authorization: 'Bearer hf_secret\u{1f600}' } }],
      [new URL('http://user:pw_secret@127.0.0.1/model.bin')],
      [new URL('ftp://user:pw_secret@127.0.0.1/model.bin')],
    ]
    for (const [from, options] of secrets) {
      const error = await openSource(from, options).catch(error => error)
      expect(error).toBeInstanceOf(Error)
      expect(String(error)).not.toContain('secret')
    }
  })
})

describe('a signal', () => {
  const stalls: [string, Answering][] = [
    ['before an answer', () => true],
    ['in a body', ({ range, index }, response) => index === 1 && begin(response, range!, 10, 'stall')],
    ['before a repetition', (_, response) => !!response.writeHead(503, { 'retry-after': '50' }).end()],
  ]

  it.each(stalls)('ends waiting %s', async (_, answering) => {
    const stop = new AbortController()
    const server = await serve((asked, response) => {
      const answered = answering(asked, response)
      if (answered) setTimeout(() => stop.abort(new Error('enough')), 20)
      return answered
    })
    const patient = { stall: 60_000, delay: 1, retries: 3 }
    await expect(middle(server, { signal: stop.signal, retry: patient })).rejects.toThrow('enough')
  })

  it('that was given to open a file ends its opening, also while the header stalls', async () => {
    const file = encodeSafetensors([['w', new Tensor('float32', new Float32Array(4096), [4096])]])
    const stop = new AbortController()
    const server = await serve(({ range }, response) => {
      if (range?.startsWith('bytes=8-') !== true) return sendFile(response, file, range) > 0
      response.writeHead(206, { 'content-range': `${range.replace('=', ' ')}/${file.length}` })
      response.write(file.subarray(8, 12))
      setTimeout(() => stop.abort(new Error('enough')), 20)
      return true
    })
    const opening = openSafetensors(new URL('model.bin', server.url), { signal: stop.signal })
    await expect(opening).rejects.toThrow('enough')
  })

  it('ends waiting for a `fetch` that heeds none', async () => {
    const fetch = () => new Promise<never>(() => {})
    const signal = AbortSignal.timeout(20)
    await expect(openSource('https://models.example/a.bin', { fetch, signal })).rejects.toThrow('timeout')
  })
})
