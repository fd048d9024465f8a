import { UnsupportedError } from '@tersor/core-tensor'
import { encodePath } from '../http/encode-path.ts'
import { urlBeside } from '../http/url-beside.ts'
import { webUrl } from '../http/web-url.ts'
import type { Source, SourceOptions } from '../random-access.ts'

/**
 * Finds files by their paths from the folder of a file on, which others have checked.
 *
 * @throws {UnsupportedError} from what it gives, where the file is neither a path nor a URL
 */
export function siblingOf(file: Source, options: SourceOptions, where: string): (path: string) => Source {
  const url = typeof file === 'string' || file instanceof URL ? webUrl(file, options) : undefined
  if (url !== undefined) return path => urlBeside(url, path)
  if (file instanceof URL) return path => new URL(encodePath(path), file)
  if (typeof file === 'string') {
    const folder = file.slice(0, Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1)
    return path => folder + path
  }
  return path => {
    throw new UnsupportedError(
      `[${where}] expected \`open\`, which finds '${path}', beside a file that is not a path or URL`,
    )
  }
}
