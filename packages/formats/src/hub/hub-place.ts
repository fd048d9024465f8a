import type { SourceOptions } from '../random-access.ts'
import { hubBase } from './hub-url.ts'

/** Where something lies on a hub. */
export interface HubPlace {
  readonly base: URL
  /** `owner/name`. */
  readonly repository: string
  /** A branch, a tag or a commit, escaped as in a URL. */
  readonly revision: string
  /** Of a file, or of a folder, which ends with a slash; the whole repository is empty. */
  readonly path: string
}

/** The place that a URL such as {@link hubUrl} makes stands for; undefined for all that are no files of a hub. */
export function hubPlace(url: URL, { hub }: SourceOptions): HubPlace | undefined {
  const base = hubBase(hub)
  if (!url.href.startsWith(base.href)) return undefined
  const found = /^([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.*)$/.exec(url.pathname.slice(base.pathname.length))
  if (found === null) return undefined
  const [, repository, revision, path] = found as unknown as [string, string, string, string]
  return { base, repository, revision, path: decodeURIComponent(path) }
}
