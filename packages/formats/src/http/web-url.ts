import { hubUrl } from '../hub/hub-url.ts'
import type { SourceOptions } from '../random-access.ts'

/** The URL of what lies on a server: that of a name on the Hub, too. Undefined for paths and `file:` URLs. */
export function webUrl(from: string | URL, { hub }: SourceOptions = {}): URL | undefined {
  const text = String(from)
  if (text.startsWith('hf:')) return hubUrl(text, hub)
  if (from instanceof URL) return from.protocol === 'file:' ? undefined : from
  return /^https?:\/\//.test(text) ? new URL(text) : undefined
}
