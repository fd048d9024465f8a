import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import type { Connection } from './connection.ts'
import { urlText } from './url-text.ts'
import { waitFor } from './wait.ts'

/** As many as browsers follow. */
const MAX_REDIRECTS = 20

const REDIRECTS = [301, 302, 303, 307, 308]

/** One answer, whatever its status, and how its body is ended. */
export interface Answer {
  readonly response: Response
  /** Ends the body, read or not. */
  end(): void
}

/**
 * Asks once, and follows redirects. The headers of a connection go to its own origin only, which is why redirects are
 * followed by hand where there are any.
 *
 * @param range  what is asked for: `bytes=0-0`; undefined for all
 * @throws {Stalled} when no answer begins in time
 * @throws {TypeError} of `fetch`, when the connection fails
 */
export async function exchange(
  { url, send, headers, patience }: Connection,
  range: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  // Ends what `fetch` does, when the caller stops and when the server stalls.
  const stop = new AbortController()
  const forward = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', forward)
  const end = () => {
    signal?.removeEventListener('abort', forward)
    stop.abort()
  }
  const ask = (to: URL, redirect: RequestRedirect) => {
    const asked = new Headers(to.origin === url.origin ? headers : {})
    // `fetch` asks for ranges of bytes as they are by itself; browsers do not let that be asked for otherwise.
    if (range !== undefined) asked.set('range', range)
    else asked.set('accept-encoding', 'identity')
    return waitFor(send(to, { headers: asked, redirect, signal: stop.signal }), patience.stall, signal)
  }
  try {
    const plain = [...headers.keys()].length === 0
    const response = plain ? await ask(url, 'follow') : await followed(url, headers, ask)
    return {
      response,
      end() {
        end()
        // For a `fetch` that heeds no signal; a body that is read already, or by somebody, needs no end.
        response.body?.cancel().catch(() => {})
      },
    }
  } catch (error) {
    end()
    throw error
  }
}

async function followed(
  url: URL,
  headers: Headers,
  ask: (to: URL, redirect: RequestRedirect) => Promise<Response>,
): Promise<Response> {
  let to = url
  for (let i = 0; i <= MAX_REDIRECTS; i++) {
    const response = await ask(to, 'manual')
    // Browsers do not tell where a redirect leads. They take an authorization away themselves, and nothing else.
    if (response.type === 'opaqueredirect') return followedByBrowser(url, headers, ask)
    const location = response.headers.get('location')
    if (!REDIRECTS.includes(response.status) || location === null) return response
    response.body?.cancel().catch(() => {})
    to = targetOf(location, to)
  }
  throw new FormatError(
    `[formats/source] expected at most ${MAX_REDIRECTS} redirects from ${urlText(url)}, got more; check the URL`,
  )
}

function targetOf(location: string, from: URL): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to?.protocol === 'http:' || to?.protocol === 'https:') return to
  throw new FormatError(
    `[formats/source] expected a redirect to an http: or https: URL from ${urlText(from)}, got another; check the URL`,
  )
}

function followedByBrowser(
  url: URL,
  headers: Headers,
  ask: (to: URL, redirect: RequestRedirect) => Promise<Response>,
): Promise<Response> {
  if ([...headers.keys()].every(name => name === 'authorization')) return ask(url, 'follow')
  throw new UnsupportedError(
    `[formats/source] expected no redirect from ${urlText(url)}, got one: a browser would send all of \`headers\` wherever it leads; ` +
      'pass an authorization alone, which it does not',
  )
}
