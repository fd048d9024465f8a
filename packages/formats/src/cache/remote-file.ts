import { UnsupportedError } from '@tersor/core-tensor'
import type { Connection } from '../http/connection.ts'
import { HttpStatusError } from '../http/http-status-error.ts'
import { learnResource } from '../http/learn-resource.ts'
import { urlText } from '../http/url-text.ts'
import { hubPlace } from '../hub/hub-place.ts'
import { type HubFile, listHubFiles } from '../hub/list-hub-files.ts'
import type { SourceOptions } from '../random-access.ts'
import { Sha256 } from './sha256.ts'

/** A file on a server, in the state that it is in now. */
export interface RemoteFile {
  /** What it is kept under: other bytes have another key. */
  readonly key: string
  readonly byteLength: number
  /** What its bytes have to hash to, where the server says so. */
  readonly hash: HubFile['hash'] | undefined
  readonly etag: string | undefined
}

/**
 * Learns what tells a file from others: of one on the Hub its hash, of another its ETag or date.
 *
 * @throws {HttpStatusError} when it is not there, or not for everybody
 * @throws {UnsupportedError} when the server does not tell its size
 */
export async function remoteFile(connection: Connection, options: SourceOptions): Promise<RemoteFile> {
  const { url } = connection
  const place = hubPlace(url, options)
  if (place !== undefined) {
    const { path } = place
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    const files = await listHubFiles({ ...place, path: folder }, options)
    const found = files.find(file => file.path === path)
    if (found === undefined) throw new HttpStatusError(url, 404)
    const { byteLength, hash } = found
    return { key: keyOf(url, hash.hex), byteLength, hash, etag: undefined }
  }
  const { byteLength, etag, modified } = await learnResource(connection, options.signal)
  if (byteLength === undefined) {
    throw new UnsupportedError(
      `[formats/cache] expected ${urlText(url)} with a Content-Length, got none; download the file and pass its path`,
    )
  }
  // Where nothing tells one state of a file from another, none is taken for it.
  const state = etag ?? modified ?? crypto.randomUUID()
  return { key: keyOf(url, `${byteLength} ${state}`), byteLength, hash: undefined, etag }
}

/** What signs a URL changes with every signature, and says nothing about the file. */
const SIGNATURE =
  /^(x-(amz|goog|oss)-.*|(aws|google)accessid|awsaccesskeyid|signature|sig|expires|policy|key-pair-id|s[eprvt]|ske|sks|skt|skv|token|download)$/i

/** Longer names are no help. */
const MAX_NAME = 60

/** The name of a file, for people, and a hash of where and what it is. No part of a query or token can be read from it. */
function keyOf(url: URL, state: string): string {
  const query = [...url.searchParams].filter(([name]) => !SIGNATURE.test(name))
  const text = JSON.stringify([url.origin, url.pathname, query, state])
  const name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
  const plain = name.replace(/[^\w.-]/g, '_').slice(-MAX_NAME) || 'file'
  return `${plain}-${new Sha256().update(new TextEncoder().encode(text)).hex().slice(0, 32)}`
}
