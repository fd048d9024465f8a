/** The names in a path as a URL writes them; half a surrogate pair, which none can, becomes a replacement character. */
export function encodePath(path: string): string {
  return path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
}
