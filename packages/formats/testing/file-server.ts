import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server was asked. */
export interface Asked {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly range: string | undefined
  readonly headers: IncomingHttpHeaders
  /** How often anything was asked before. */
  readonly index: number
}

/** Answers a request itself and says so by true, or leaves it to the server. */
export type Answering = (asked: Asked, response: ServerResponse) => boolean

export interface FileServer {
  readonly url: URL
  readonly asked: readonly Asked[]
  /** Bytes of files that went out. */
  readonly sent: number
  close(): Promise<void>
}

/**
 * A server of files on this machine that knows ranges and ETags, for tests; it does anything else as it is told.
 *
 * @param files  by their paths, such as `/a/model.bin`
 */
export async function fileServer(
  files: Readonly<Record<string, Uint8Array>>,
  answering: Answering = () => false,
): Promise<FileServer> {
  const asked: Asked[] = []
  let sent = 0
  const server = createServer(({ method = '', url: path = '', headers }, response) => {
    const one = { method, path, range: headers.range, headers, index: asked.length }
    asked.push(one)
    if (answering(one, response)) return
    const bytes = files[decodeURIComponent(path.split('?')[0]!)]
    if (bytes === undefined) return void response.writeHead(404).end()
    sent += sendFile(response, bytes, headers.range)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    asked,
    get sent() {
      return sent
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Answers with a file or a range of it, as a sound server does, and gives the number of its bytes. */
export function sendFile(response: ServerResponse, bytes: Uint8Array, range: string | undefined): number {
  const etag = etagOf(bytes)
  const found = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
  if (found === null) {
    response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes)
    return bytes.length
  }
  const start = Number(found[1])
  const end = Math.min(found[2] === '' ? Number.POSITIVE_INFINITY : Number(found[2]) + 1, bytes.length)
  if (start >= end) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return 0
  }
  const headers = {
    etag,
    'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    'content-length': end - start,
  }
  response.writeHead(206, headers).end(bytes.subarray(start, end))
  return end - start
}

export function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}
