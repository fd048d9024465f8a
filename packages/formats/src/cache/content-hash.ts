import { nodeModule } from '@tersor/core-tensor/host'
import { Sha256 } from './sha256.ts'

/** SHA-256 of a file, or the hash that Git knows it by: SHA-1 behind a line with its length. */
export type HashKind = 'sha256' | 'git-sha1'

/** A hash of bytes that come in pieces. */
export interface ContentHash {
  update(bytes: Uint8Array): void
  hex(): Promise<string>
}

export function contentHash(kind: HashKind, byteLength: number): ContentHash {
  const crypto = nodeModule<typeof import('node:crypto')>('node:crypto')
  const start = new TextEncoder().encode(kind === 'sha256' ? '' : `blob ${byteLength}\0`)
  if (crypto !== undefined) {
    const hash = crypto.createHash(kind === 'sha256' ? 'sha256' : 'sha1').update(start)
    return { update: bytes => void hash.update(bytes), hex: async () => hash.digest('hex') }
  }
  if (kind === 'git-sha1') return sha1OnTheWeb(start, byteLength)
  const hash = new Sha256()
  return { update: bytes => void hash.update(bytes), hex: async () => hash.hex() }
}

/** Only small files are hashed so: the Hub keeps those of more than 10 MB by SHA-256. */
function sha1OnTheWeb(start: Uint8Array, byteLength: number): ContentHash {
  const bytes = new Uint8Array(start.length + byteLength)
  bytes.set(start)
  let filled = start.length
  return {
    update(piece) {
      bytes.set(piece, filled)
      filled += piece.length
    },
    async hex() {
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', bytes))
      return [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
    },
  }
}
