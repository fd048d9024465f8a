import { FormatError } from '@tersor/core-tensor'
import { connectionTo } from '../http/connection.ts'
import { encodePath } from '../http/encode-path.ts'
import { readPage } from '../http/read-page.ts'
import { parseJson } from '../parse-json.ts'
import { quoted } from '../quoted.ts'
import type { SourceOptions } from '../random-access.ts'
import type { HubPlace } from './hub-place.ts'

const WHERE = 'formats/hub'

/** Of a thousand files each; no repository of a model has more. */
const MAX_PAGES = 100

/** list → file → lfs, and some room. */
const MAX_DEPTH = 8

/** A file of a repository. */
export interface HubFile {
  /** From the root of the repository. */
  readonly path: string
  readonly byteLength: number
  /** What its bytes hash to: large files by themselves, small ones as Git does, behind a line with their length. */
  readonly hash: { readonly kind: 'sha256' | 'git-sha1'; readonly hex: string }
}

/**
 * The files in a folder of a repository, as the Hub lists them.
 *
 * @param options.deep  those in folders inside, too
 * @throws {HttpStatusError} when there is no such repository, or no right to it
 * @throws {FormatError} when the list is malformed
 */
export async function listHubFiles(
  { base, repository, revision, path }: HubPlace,
  { deep = false, ...options }: SourceOptions & { deep?: boolean },
): Promise<readonly HubFile[]> {
  const folder = encodePath(path.replace(/\/$/, ''))
  const first = new URL(`api/models/${repository}/tree/${revision}${folder === '' ? '' : `/${folder}`}`, base)
  if (deep) first.searchParams.set('recursive', 'true')
  const files: HubFile[] = []
  let next: URL | undefined = first
  for (let page = 0; next !== undefined; page++) {
    if (page === MAX_PAGES)
      throw new FormatError(
        `[${WHERE}] expected at most ${MAX_PAGES} pages of files in ${repository}, got more`,
      )
    const { text, headers } = await readPage(connectionTo(next, options), options.signal)
    const entries = parseJson(text, { maxDepth: MAX_DEPTH, where: WHERE })
    if (!Array.isArray(entries)) throw malformed(repository, text)
    for (const entry of entries) files.push(...fileIn(entry, repository))
    next = followingPage(headers.get('link'), first)
  }
  return files
}

/** The file that an entry is, if it is one and no folder. */
function fileIn(entry: unknown, repository: string): HubFile[] {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>
  if (type !== 'file') return []
  const large = lfs as { oid?: unknown; size?: unknown } | undefined
  const byteLength = large?.size ?? size
  const hex = large?.oid ?? oid
  const sound = typeof path === 'string' && Number.isSafeInteger(byteLength) && Number(byteLength) >= 0
  const hashed =
    typeof hex === 'string' && (large === undefined ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(hex)
  if (!sound || !hashed) throw malformed(repository, JSON.stringify(entry))
  const kind = large === undefined ? 'git-sha1' : 'sha256'
  return [{ path, byteLength: Number(byteLength), hash: { kind, hex } }]
}

function malformed(repository: string, text: string): FormatError {
  return new FormatError(
    `[${WHERE}] expected a list of files with path, size and oid for ${repository}, got ${quoted(text)}; is that address a hub?`,
  )
}

/** Only where a list goes on is taken from the header: where it is asked for, and with which token, is known. */
function followingPage(link: string | null, first: URL): URL | undefined {
  const target = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1]
  if (target === undefined || !URL.canParse(target, first.href)) return undefined
  const next = new URL(first)
  next.search = new URL(target, first).search
  return next
}
