import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Answering, type Asked, type FileServer, fileServer } from './file-server.ts'

/** Above this the Hub keeps files apart, hashed by SHA-256. */
const LARGE_BYTES = 1000

/** Files of a page, a thousand on the real one. */
const PAGE = 2

export interface FakeHub {
  /** Where it lists files, and sends on whoever asks for one. */
  readonly hub: FileServer
  /** Where the bytes are: another origin, whose URLs are signed. */
  readonly store: FileServer
  close(): Promise<void>
}

/**
 * A Hub on this machine, as far as reading models goes: it lists repositories in pages, and redirects to signed URLs of
 * another origin.
 *
 * @param repositories  files by path of repositories by name; each has the one revision `main`
 * @param options.token  without which nothing is told
 * @param options.storing  how the other origin answers
 */
export async function fakeHub(
  repositories: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>,
  { token, storing }: { token?: string; storing?: Answering } = {},
): Promise<FakeHub> {
  const stored = Object.entries(repositories).flatMap(([name, files]) =>
    Object.entries(files).map(([path, bytes]) => [`/store/${name}/${path}`, bytes] as const),
  )
  const store = await fileServer(Object.fromEntries(stored), (asked, response) => {
    if (!asked.path.includes('?signature=')) return refuse(response, 403)
    return storing?.(asked, response) ?? false
  })
  const hub = await fileServer({}, (asked, response) => {
    if (token !== undefined && asked.headers.authorization !== `Bearer ${token}`) return refuse(response, 401)
    return listed(asked, response, repositories) || sentOn(asked, response, repositories, store.url)
  })
  return { hub, store, close: async () => void (await Promise.all([hub.close(), store.close()])) }
}

function refuse(response: ServerResponse, status: number): true {
  response.writeHead(status).end()
  return true
}

type Repositories = Parameters<typeof fakeHub>[0]

function listed({ path }: Asked, response: ServerResponse, repositories: Repositories): boolean {
  const { pathname, searchParams } = new URL(path, 'http://hub.test')
  const found = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main(?:\/(.*))?$/.exec(pathname)
  const files = found === null ? undefined : repositories[found[1]!]
  if (found === null || files === undefined) return false
  const folder = found[2] === undefined ? '' : `${decodeURIComponent(found[2])}/`
  const deep = searchParams.get('recursive') === 'true'
  const entries = Object.entries(files).filter(
    ([name]) => name.startsWith(folder) && (deep || !name.slice(folder.length).includes('/')),
  )
  const from = Number(searchParams.get('cursor') ?? 0)
  const rest = new URL(pathname, 'https://elsewhere.example')
  rest.search = `${deep ? 'recursive=true&' : ''}cursor=${from + PAGE}`
  const link = from + PAGE < entries.length ? { link: `<${rest}>; rel="next"` } : {}
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...link })
  const page = entries.slice(from, from + PAGE).map(([name, bytes]) => entryOf(name, bytes))
  response.end(JSON.stringify([{ type: 'directory', oid: '0'.repeat(40), size: 0, path: 'assets' }, ...page]))
  return true
}

function entryOf(path: string, bytes: Uint8Array) {
  const size = bytes.length
  const pointer = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex')
  if (size < LARGE_BYTES) return { type: 'file', oid: pointer, size, path }
  const oid = createHash('sha256').update(bytes).digest('hex')
  return { type: 'file', oid: '1'.repeat(40), size, lfs: { oid, size, pointerSize: 134 }, path }
}

/** Large files lie elsewhere; the address of small ones is relative. */
function sentOn(asked: Asked, response: ServerResponse, repositories: Repositories, store: URL): boolean {
  const { pathname } = new URL(asked.path, 'http://hub.test')
  const [, name, path] = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.*)$/.exec(pathname) ?? []
  const bytes = name === undefined ? undefined : repositories[name]?.[decodeURIComponent(path!)]
  if (bytes === undefined) return false
  const location = new URL(`/store/${name}/${path}?signature=${asked.index}`, store).href
  response.writeHead(302, { location, 'x-repo-commit': 'c'.repeat(40) }).end()
  return true
}
