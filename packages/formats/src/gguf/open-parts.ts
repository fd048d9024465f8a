import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { webUrl } from '../http/web-url.ts'
import { quoted } from '../quoted.ts'
import type { Source } from '../random-access.ts'
import { missingBeside } from '../sources/missing-beside.ts'
import type { OpenGgufOptions } from './open-gguf.ts'
import { type GgufPart, openPart } from './open-part.ts'

const WHERE = 'formats/gguf'

/** The largest published models have a few hundred; each is an open file. */
const MAX_PARTS = 4096

/** How `gguf-split` names them. */
const PART_NAME = /-(\d{5})(-of-)(\d{5})(?=\.gguf$)/i

type FoundPart = GgufPart & { readonly from: Source }

/**
 * The file, or all parts of the model that it is one of, in order. The first holds the metadata.
 *
 * @throws {FormatError} when the parts do not belong together
 * @throws {UnsupportedError} when the others cannot be found
 */
export async function openParts(from: Source, options: OpenGgufOptions): Promise<readonly FoundPart[]> {
  const given = { ...(await openPart(from, options)), from }
  const opened: FoundPart[] = [given]
  try {
    const { no, count } = placeOf(given)
    if (count === 1) return opened
    const find = options.open ?? besides(placeFrom(from, options), no, count)
    const parts: FoundPart[] = []
    for (let i = 0; i < count; i++) {
      const part = i === no ? given : await openOther(await find(i + 1, count), options)
      if (part !== given) opened.push(part)
      requirePlace(part, i, count)
      parts.push(part)
    }
    requireAllTensors(parts)
    return parts
  } catch (error) {
    await Promise.all(opened.map(({ source }) => source.close()))
    throw error
  }
}

async function openOther(from: Source, options: OpenGgufOptions): Promise<FoundPart> {
  const missing = missingBeside(WHERE, `the other part ${quoted(String(from))}`)
  return { ...(await openPart(from, options).catch(missing)), from }
}

/** Which part of how many a file says that it is. */
function placeOf({ metadata }: GgufPart): { no: number; count: number } {
  const [no, count] = [metadata.get('split.no') ?? 0, metadata.get('split.count') ?? 1]
  // A file that is no part may say that it is one of none.
  if (count === 0) return { no: 0, count: 1 }
  const fit = typeof no === 'number' && typeof count === 'number' && no >= 0 && no < count
  if (!fit || count > MAX_PARTS || !Number.isInteger(no) || !Number.isInteger(count)) {
    throw new FormatError(
      `[${WHERE}] expected split.no below split.count, and at most ${MAX_PARTS} parts, got ${no} of ${count}`,
    )
  }
  return { no, count }
}

function requirePlace(part: FoundPart, no: number, count: number): void {
  const place = placeOf(part)
  if (place.no !== no || place.count !== count) {
    throw new FormatError(
      `[${WHERE}] expected part ${no + 1} of ${count}, got part ${place.no + 1} of ${place.count}; are the files of one model?`,
    )
  }
}

function requireAllTensors(parts: readonly FoundPart[]): void {
  const names = new Set<string>()
  for (const name of parts.flatMap(({ tensors }) => [...tensors.keys()])) {
    if (names.has(name))
      throw new FormatError(`[${WHERE}] expected each tensor once, got ${quoted(name)} in two parts`)
    names.add(name)
  }
  const stated = parts[0]!.metadata.get('split.tensors.count')
  if (stated !== undefined && stated !== names.size) {
    throw new FormatError(
      `[${WHERE}] expected ${stated} tensors in ${parts.length} parts, got ${names.size}; are the files of one model?`,
    )
  }
}

/** A URL for what is on a server, so that its query is no part of its name. */
function placeFrom(from: Source, options: OpenGgufOptions): Source {
  return typeof from === 'string' || from instanceof URL ? (webUrl(from, options) ?? from) : from
}

/** Finds the parts beside one of them by its name. */
function besides(from: Source, no: number, count: number): (part: number) => Source {
  const path = from instanceof URL ? from.pathname : from
  const [, part, between, of] = (typeof path === 'string' && PART_NAME.exec(path)) || []
  if (Number(part) !== no + 1 || Number(of) !== count) {
    throw new UnsupportedError(
      `[${WHERE}] expected a model in one file, got part ${no + 1} of ${count}; keep all parts in one folder under the names that ` +
        '`llama-gguf-split` gave them, or pass `open`, which finds them',
    )
  }
  return number => {
    const name = `-${String(number).padStart(5, '0')}${between}${of}`
    if (!(from instanceof URL)) return (from as string).replace(PART_NAME, name)
    const url = new URL(from)
    url.pathname = url.pathname.replace(PART_NAME, name)
    return url
  }
}
