import { encodePath } from './encode-path.ts'

/**
 * A file beside another on a server. Its name is taken as a name: `#`, `?` and `%` in it are no syntax. The query stays,
 * because the signature of a folder is in it.
 *
 * @example
 * urlBeside(new URL('https://models.example/a/model.safetensors?sig=1'), 'my file#2.json').href
 * // => 'https://models.example/a/my%20file%232.json?sig=1'
 */
export function urlBeside(url: URL, name: string): URL {
  const beside = new URL(encodePath(name), url)
  beside.search = url.search
  return beside
}
