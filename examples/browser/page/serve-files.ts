/**
 * A `fetch` that answers with files, whole or ranges of them, as a server would: so that what reads models from servers reads
 * those that a user has. A path that is no file's name is answered with 404.
 */
export function serveFiles(files: ReadonlyMap<string, Blob>): typeof fetch {
  return async (input, { headers, signal } = {}) => {
    signal?.throwIfAborted()
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    const file = files.get(decodeURIComponent(pathname.slice(1)))
    if (file === undefined) return new Response(null, { status: 404 })
    const { size } = file
    const range = /^bytes=(\d+)-(\d*)$/.exec(new Headers(headers).get('range') ?? '')
    if (range === null) return answer(file, 200, {})
    const start = Number(range[1])
    const end = range[2] === '' ? size : Math.min(size, Number(range[2]) + 1)
    if (start >= end)
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } })
    return answer(file.slice(start, end), 206, { 'content-range': `bytes ${start}-${end - 1}/${size}` })
  }
}

function answer(body: Blob, status: number, headers: Record<string, string>): Response {
  const length = { 'content-length': String(body.size), 'content-type': 'application/octet-stream' }
  return new Response(body, { status, headers: { ...length, ...headers } })
}
