import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'

export interface ServedFolder {
  readonly url: string
  /** What was asked for, in order: a name and the range, such as `model.safetensors bytes=0-0`. */
  readonly asked: string[]
  close(): Promise<void>
}

export interface Hold {
  /** Bytes of each body that are sent at once; the rest waits. Default: none. */
  readonly after?: number
  /** Resolves when what was asked for may be sent. */
  until(asked: string): Promise<void>
}

/** A server of files that knows ranges, and lets pages of other origins read them. */
export async function serveFolder(folder: string, { after = 0, until }: Hold): Promise<ServedFolder> {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(request.url!.slice(1))
    const range = request.headers.range ?? 'bytes=0-'
    const origin = {
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Content-Range, ETag',
    }
    asked.push(`${name} ${range}`)
    const file = await readFile(join(folder, name)).catch(() => undefined)
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
    if (file === undefined) return response.writeHead(404, origin).end()
    const body = file.subarray(Number(from), to ? Number(to) + 1 : file.length)
    response.writeHead(206, {
      ...origin,
      etag: `"${file.length}"`,
      'content-length': body.length,
      'content-range': `bytes ${from}-${Number(from) + body.length - 1}/${file.length}`,
    })
    response.write(body.subarray(0, after))
    await until(`${name} ${range}`)
    response.end(body.subarray(after))
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}/`,
    asked,
    close() {
      const closed = new Promise<void>(closed => server.close(() => closed()))
      server.closeAllConnections()
      return closed
    },
  }
}
