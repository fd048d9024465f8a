import { FormatError } from '@tersor/core-tensor'
import { quoted } from './quoted.ts'

export interface ParseJsonOptions {
  /** How deep objects and arrays may nest. */
  maxDepth: number
  /** Where errors say they come from. */
  where: string
}

/**
 * `JSON.parse` for files of strangers: a key that an object has twice is an error instead of
 * silently the last one, and the nesting is bounded.
 *
 * @throws {FormatError}
 */
export function parseJson(text: string, { maxDepth, where }: ParseJsonOptions): unknown {
  const value = parse(text, where)
  checkKeys(text, maxDepth, where)
  return value
}

/** Walks over text that is known to be valid JSON and compares the keys of each object. */
function checkKeys(text: string, maxDepth: number, where: string): void {
  // One entry per open object (its keys) or array (undefined).
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '{' || char === '[') {
      if (open.push(char === '{' ? new Set() : undefined) > maxDepth) {
        throw new FormatError(`[${where}] expected JSON that nests at most ${maxDepth} deep`)
      }
      isKey = char === '{'
    } else if (char === '}' || char === ']') {
      open.pop()
      isKey = false
    } else if (char === ',') {
      isKey = open.at(-1) !== undefined
    } else if (char === '"') {
      const end = endOfString(text, i)
      if (isKey) {
        const key = JSON.parse(text.slice(i, end)) as string
        const keys = open.at(-1)!
        if (keys.has(key))
          throw new FormatError(`[${where}] expected each key once, got ${quoted(key)} twice`)
        keys.add(key)
        isKey = false
      }
      i = end - 1
    }
  }
}

/** The index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FormatError(
      `[${where}] expected JSON, got text that does not parse: ${quoted((error as Error).message)}`,
    )
  }
}

/** A JSON object's own entries, or an error that says what should have been one. */
export function jsonObject(value: unknown, what: string, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new FormatError(`[${where}] expected ${what} to be a JSON object`)
}
