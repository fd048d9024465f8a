/** A URL for messages: without its query, which may be a signature, and without what stands before an @. */
export function urlText(url: URL): string {
  const { protocol, host, pathname } = url
  return `${protocol}//${host}${pathname}`
}
