import { FormatError } from '@tersor/core-tensor'
import { encodePath } from '../http/encode-path.ts'
import { quoted } from '../quoted.ts'

/** Where names that begin with `hf:` lie. */
export const HUGGING_FACE = 'https://huggingface.co'

/** What stands in names of owners and repositories; the Hub takes no more than 96 characters each. */
const PART = /^(?!.*(--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/

const SHAPE = /^hf:(?:\/\/)?([^/@]+)\/([^/@]+)(?:@(refs\/(?:pr|convert)\/[^/]+|[^/]+))?(?:\/(.*))?$/s

/**
 * The address of what lies on the Hugging Face Hub, or on a server that answers like it: `hf:owner/name` is a
 * repository, `hf:owner/name/file` a file in it, `hf:owner/name/folder/` a folder. A revision may stand behind the name:
 * a branch, a tag or a commit, as in `hf:owner/name@v2/model.gguf`.
 *
 * @param name  names are taken as they are, so that `#`, `?` and `%` in one are no syntax
 * @param hub  where the Hub is: `https://huggingface.co`
 * @throws {FormatError} for other names
 * @example
 * hubUrl('hf:HuggingFaceTB/SmolLM2-135M@main/config.json').href
 * // => 'https://huggingface.co/HuggingFaceTB/SmolLM2-135M/resolve/main/config.json'
 */
export function hubUrl(name: string, hub: string | URL = HUGGING_FACE): URL {
  const found = SHAPE.exec(name)
  const [, owner = '', repository = '', given = 'main', path = ''] = found ?? []
  const revision = given.replaceAll(/%2f/gi, '/')
  const parts = path.split('/')
  const named = PART.test(owner) && PART.test(repository)
  if (
    !named ||
    !isRevision(revision) ||
    !parts.every((part, i) => isPathPart(part, i === parts.length - 1))
  ) {
    throw new FormatError(
      `[formats/hub] expected hf:owner/name, hf:owner/name/file or hf:owner/name@revision/file, got ${quoted(name)}`,
    )
  }
  const place = `${owner}/${repository}/resolve/${encodeURIComponent(revision)}/${encodePath(path)}`
  return new URL(place, hubBase(hub))
}

/** The address that all others of a hub begin with. */
export function hubBase(hub: string | URL = HUGGING_FACE): URL {
  const text = String(hub)
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text.endsWith('/') ? text : `${text}/`)
  throw new FormatError(`[formats/hub] expected an http: or https: URL as \`hub\`, got ${quoted(text)}`)
}

function isRevision(revision: string): boolean {
  return (
    revision.length <= 256 && /^[\w.+-]+(\/[\w.+-]+)*$/.test(revision) && !/(^|\/)\.\.?(\/|$)/.test(revision)
  )
}

/** The last one is empty for a folder. */
function isPathPart(part: string, last: boolean): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no name of a file has them.
  return part !== '.' && part !== '..' && (part !== '' || last) && !/[\\\x00-\x1f]/.test(part)
}
