import { FormatError } from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'

/** What the headers of NumPy are written in: a tuple is a list here, and a dictionary a map. */
export type PythonLiteral =
  | string
  | number
  | boolean
  | null
  | readonly PythonLiteral[]
  | ReadonlyMap<string, PythonLiteral>

/** A dictionary of tuples of lists of tuples: nothing that is read nests deeper. */
const MAX_DEPTH = 16

/** One token: a string in either kind of quotes, without escapes; an integer, of Python 2 with an L; a name; a sign. */
const TOKEN = /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(-?\d+)[lL]?\b|(True|False|None)\b|([{}()[\],:]))/y

const NAMES: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null }

/**
 * The value of a literal of Python: dictionaries with strings as keys, tuples, lists, strings, integers, True, False, None.
 *
 * @throws {FormatError} for anything else, a key twice, and what nests more than 16 deep
 */
export function pythonLiteral(text: string, where: string): PythonLiteral {
  const tokens = tokensOf(text, where)
  let at = 0
  const malformed = () =>
    new FormatError(`[${where}] expected a literal of Python as NumPy writes it, got ${quoted(text)}`)
  const isSign = (sign: string) => tokens[at]?.sign === sign
  const take = (sign: string) => {
    if (!isSign(sign)) throw malformed()
    at++
  }
  /** Items up to a closing sign, with commas between them and possibly behind the last. */
  const items = (close: string, item: () => void): { endsWithComma: boolean } => {
    at++
    let endsWithComma = false
    while (!isSign(close)) {
      item()
      endsWithComma = isSign(',')
      if (!endsWithComma) break
      at++
    }
    take(close)
    return { endsWithComma }
  }
  const value = (depth: number): PythonLiteral => {
    const token = tokens[at]
    if (token === undefined || depth > MAX_DEPTH) throw malformed()
    if (token.sign === '{') return dictionary(depth)
    if (token.sign === '(' || token.sign === '[') {
      const values: PythonLiteral[] = []
      const { endsWithComma } = items(token.sign === '(' ? ')' : ']', () => values.push(value(depth + 1)))
      // Parentheses around one value without a comma are no tuple.
      return token.sign === '(' && values.length === 1 && !endsWithComma ? values[0]! : values
    }
    if (token.value === undefined) throw malformed()
    at++
    return token.value
  }
  const dictionary = (depth: number): PythonLiteral => {
    const entries = new Map<string, PythonLiteral>()
    items('}', () => {
      const key = value(depth + 1)
      if (typeof key !== 'string' || entries.has(key)) throw malformed()
      take(':')
      entries.set(key, value(depth + 1))
    })
    return entries
  }
  const result = value(0)
  if (at !== tokens.length) throw malformed()
  return result
}

interface Token {
  readonly sign?: string | undefined
  readonly value?: string | number | boolean | null | undefined
}

function tokensOf(text: string, where: string): readonly Token[] {
  const tokens: Token[] = []
  const token = new RegExp(TOKEN)
  const end = text.trimEnd().length
  while (token.lastIndex < end) {
    const found = token.exec(text)
    if (found === null) {
      throw new FormatError(`[${where}] expected a literal of Python as NumPy writes it, got ${quoted(text)}`)
    }
    const [, single, double, number, name, sign] = found
    if (sign !== undefined) tokens.push({ sign })
    else if (name !== undefined) tokens.push({ value: NAMES[name] ?? null })
    else tokens.push({ value: number === undefined ? (single ?? double)! : Number(number) })
  }
  return tokens
}
