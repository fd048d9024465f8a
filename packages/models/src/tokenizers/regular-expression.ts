import { FormatError, UnsupportedError } from '@tersor/core-tensor'

/** Real patterns have a few hundred characters. */
const MAX_LENGTH = 10_000

/** Nesting of groups and classes; real patterns have three levels. */
const MAX_DEPTH = 50

/**
 * A pattern of a tokenizer.json, which is written for Oniguruma, as a regular expression of JavaScript with the same matches: white
 * space and words by Unicode, `(?i:…)`, possessive and atomic groups, classes inside classes, `^` and `$` at every line.
 *
 * Repetitions inside of repetitions are refused, for these can take exponential time, and so are back references.
 *
 * @throws {UnsupportedError} for what has no counterpart
 * @throws {FormatError} for what is no pattern
 */
export function regularExpression(pattern: string): RegExp {
  if (pattern.length > MAX_LENGTH)
    throw new FormatError(
      `[models/tokenizer] expected a pattern of at most ${MAX_LENGTH} characters, got ${pattern.length}`,
    )
  const source = new Translation(pattern).all()
  try {
    return new RegExp(source, 'gv')
  } catch (error) {
    throw new FormatError(
      `[models/tokenizer] expected a regular expression, got '${pattern.slice(0, 60)}': ${String(error).slice(0, 200)}`,
    )
  }
}

/** A part of the translation, and whether it repeats something without a limit. */
interface Part {
  readonly source: string
  readonly endless: boolean
}

const OTHER_CASES: Readonly<Record<string, string>> = { s: 'ſ', k: '\u212A' }

/** Escapes of one letter that stand for a set: outside of classes, and between the brackets of one. */
const SETS: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾]',
  W: '[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾]',
  h: '[0-9a-fA-F]',
  H: '[^0-9a-fA-F]',
}

const CHARACTERS: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\u0007',
  e: '\u001B',
}

const ANCHORS: Readonly<Record<string, string>> = {
  b: '(?:(?<=[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾])(?![\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾])|(?<![\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾])(?=[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾]))',
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '\\p{Alphabetic}\\p{Nd}',
  alpha: '\\p{Alphabetic}',
  digit: '\\p{Nd}',
  lower: '\\p{Lowercase}',
  upper: '\\p{Uppercase}',
  punct: '\\p{P}\\p{S}',
  space: '\\p{White_Space}',
  word: '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}',
  xdigit: '0-9a-fA-F',
  cntrl: '\\p{Cc}',
  ascii: '\\u{0}-\\u{7F}',
}

class Translation {
  readonly #pattern: string
  #at = 0
  #groups = 0
  #depth = 0
  #anyCase = false

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  all(): string {
    const { source } = this.#alternatives()
    if (this.#at < this.#pattern.length) throw this.#malformed('no closing bracket without an opening one')
    return source
  }

  #alternatives(): Part {
    if (++this.#depth > MAX_DEPTH) throw this.#malformed(`at most ${MAX_DEPTH} levels`)
    const wasAnyCase = this.#anyCase
    let source = ''
    let endless = false
    while (this.#at < this.#pattern.length && this.#peek() !== ')') {
      if (this.#take('|')) source += '|'
      else {
        const part = this.#repeated(this.#atom())
        source += part.source
        endless ||= part.endless
      }
    }
    // An option such as (?i) holds to the end of its group.
    this.#anyCase = wasAnyCase
    this.#depth--
    return { source, endless }
  }

  #atom(): Part {
    if (this.#take('(')) return this.#group()
    if (this.#take('[')) return plain(this.#class())
    if (this.#take('.')) return plain('[^\\n]')
    if (this.#take('^')) return plain('(?<![^\\n])')
    if (this.#take('$')) return plain('(?![^\\n])')
    if (this.#take('\\')) {
      const letter = this.#peek()
      if (letter in ANCHORS && this.#take(letter)) return plain(ANCHORS[letter]!)
      const set = this.#escapedSet()
      return plain(set ?? this.#literal(this.#escapedCharacter()))
    }
    return plain(this.#literal(this.#character()))
  }

  #group(): Part {
    const inside = (opening: string, closing = ')'): Part => {
      const { source, endless } = this.#alternatives()
      if (!this.#take(')')) throw this.#malformed('a closing bracket for each opening one')
      return { source: opening + source + closing, endless }
    }
    if (!this.#take('?')) return inside('(?:')
    for (const opening of [':', '=', '!', '<=', '<!']) if (this.#take(opening)) return inside(`(?${opening}`)
    if (this.#take('>')) return this.#atomic(inside('', ''))
    const options = /^(-?i)+(?=[:)])/.exec(this.#pattern.slice(this.#at))?.[0]
    if (options === undefined)
      throw new UnsupportedError(
        `[models/tokenizer] expected groups of the kinds ?: ?= ?! ?<= ?<! ?> ?i in a pattern, got '(?${this.#peek()}' in '${this.#pattern}'`,
      )
    this.#take(options)
    const before = this.#anyCase
    this.#anyCase = options === 'i'
    if (this.#take(')')) return plain('')
    this.#take(':')
    const part = inside('(?:')
    this.#anyCase = before
    return part
  }

  /** What matched once is not given back: a look ahead that is captured and then repeated. */
  #atomic({ source, endless }: Part): Part {
    this.#groups++
    return { source: `(?=(?<g${this.#groups}>${source}))\\k<g${this.#groups}>`, endless }
  }

  #repeated(atom: Part): Part {
    let part = atom
    for (;;) {
      const times = this.#quantifier()
      if (times === undefined) return part
      const endless = times.endsWith('*') || times.endsWith('+') || times.endsWith(',}')
      if (endless && part.endless)
        throw new UnsupportedError(
          `[models/tokenizer] expected a pattern without repetitions inside of repetitions, got '${this.#pattern}'; it could take exponential time`,
        )
      const repeats = { source: `(?:${part.source})${times}`, endless: endless || part.endless }
      if (this.#take('?')) part = { ...repeats, source: `${repeats.source}?` }
      // In this dialect, a plus behind braces repeats once more.
      else if (!times.endsWith('}') && this.#take('+')) {
        const { source } = this.#atomic(repeats)
        part = { ...repeats, source: `(?:${source})` }
      } else part = repeats
    }
  }

  #quantifier(): string | undefined {
    for (const sign of ['*', '+', '?']) if (this.#take(sign)) return sign
    const braces = /^\{(\d*)(,?)(\d*)\}/.exec(this.#pattern.slice(this.#at, this.#at + 20))
    if (braces === null || (braces[1] === '' && braces[3] === '')) return undefined
    this.#take(braces[0])
    return `{${braces[1] === '' ? '0' : braces[1]}${braces[2]}${braces[3]}}`
  }

  /** The rest of a class behind its opening bracket. */
  #class(): string {
    if (++this.#depth > MAX_DEPTH) throw this.#malformed(`at most ${MAX_DEPTH} levels`)
    const negated = this.#take('^')
    const operands: string[] = []
    let union = ''
    // A closing bracket right at the beginning is a character.
    if (this.#take(']')) union += escaped(']')
    for (;;) {
      if (this.#at >= this.#pattern.length) throw this.#malformed('a closing bracket for each opening one')
      if (this.#take(']')) break
      if (this.#take('&&')) {
        operands.push(union)
        union = ''
      } else union += this.#classItem()
    }
    operands.push(union)
    this.#depth--
    const inner = operands.length === 1 ? union : operands.map(operand => `[${operand}]`).join('&&')
    return `[${negated ? '^' : ''}${inner}]`
  }

  #classItem(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#pattern.slice(this.#at, this.#at + 20))
    if (posix !== null) {
      this.#take(posix[0])
      const members = POSIX[posix[2]!]
      if (members === undefined) throw this.#malformed(`a known class instead of ${posix[0]}`)
      return `[${posix[1]}${members}]`
    }
    if (this.#take('[')) return this.#class()
    const first = this.#classCharacter()
    if (first.set !== undefined) return first.set
    const dash = this.#peek() === '-' && ![']', ''].includes(this.#pattern[this.#at + 1] ?? '')
    if (!dash) return this.#casesOf(first.character).map(escaped).join('')
    this.#take('-')
    const last = this.#classCharacter()
    if (last.set !== undefined) return `${escaped(first.character)}${escaped('-')}${last.set}`
    return this.#range(first.character, last.character)
  }

  #range(first: string, last: string): string {
    const range = `${escaped(first)}-${escaped(last)}`
    const letters = /^([a-z][a-z]|[A-Z][A-Z])$/.test(first + last)
    if (!this.#anyCase || !letters) return range
    const other = (letter: string) =>
      escaped(letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase())
    return `${range}${other(first)}-${other(last)}`
  }

  #classCharacter(): { readonly set?: string; readonly character: string } {
    if (!this.#take('\\')) return { character: this.#character() }
    const set = this.#take('b') ? escaped('\b') : this.#escapedSet()
    return set === undefined ? { character: this.#escapedCharacter() } : { set, character: '' }
  }

  /** `\s`, `\p{L}` and the like; the backslash is taken already. */
  #escapedSet(): string | undefined {
    const letter = this.#peek()
    if (letter in SETS && this.#take(letter)) return SETS[letter]
    const property = /^([pP])\{(\^?)([\w= -]+)\}/.exec(this.#pattern.slice(this.#at, this.#at + 60))
    if (property === null) return undefined
    this.#take(property[0])
    const negated = (property[1] === 'P') !== (property[2] === '^')
    const name = propertyNamed(property[3]!)
    if (name === undefined) throw this.#malformed(`a property of Unicode instead of '${property[3]}'`)
    return `\\${negated ? 'P' : 'p'}{${name}}`
  }

  #escapedCharacter(): string {
    const code = /^(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|(0))/.exec(
      this.#pattern.slice(this.#at, this.#at + 12),
    )
    if (code !== null) {
      this.#take(code[0])
      const point = Number.parseInt(code.slice(1).find(digits => digits !== undefined)!, 16)
      if (point > 0x10ffff) throw this.#malformed(`a character instead of \\${code[0]}`)
      return String.fromCodePoint(point)
    }
    const character = this.#character()
    if (character in CHARACTERS) return CHARACTERS[character]!
    if (/[\p{L}\p{N}]/u.test(character))
      throw new UnsupportedError(
        `[models/tokenizer] expected escapes of known meaning in a pattern, got '\\${character}' in '${this.#pattern}'`,
      )
    return character
  }

  #literal(character: string): string {
    const cases = this.#casesOf(character)
    return cases.length === 1 ? escaped(character) : `[${cases.map(escaped).join('')}]`
  }

  #casesOf(character: string): string[] {
    if (!this.#anyCase) return [character]
    const lower = character.toLowerCase()
    const upper = character.toUpperCase()
    const all = [lower, upper, OTHER_CASES[lower] ?? character].filter(each => Array.from(each).length === 1)
    return [...new Set([character, ...all])]
  }

  #character(): string {
    if (this.#at >= this.#pattern.length) throw this.#malformed('a character behind a backslash')
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!)
    this.#at += character.length
    return character
  }

  #peek(): string {
    return this.#pattern[this.#at] ?? ''
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #malformed(expected: string): FormatError {
    return new FormatError(
      `[models/tokenizer] expected ${expected} in a pattern, got '${this.#pattern}' at ${this.#at}`,
    )
  }
}

const plain = (source: string): Part => ({ source, endless: false })

function escaped(character: string): string {
  return /^[A-Za-z0-9]$/.test(character)
    ? character
    : `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`
}

/** How JavaScript calls a general category, a property, or a script. */
function propertyNamed(name: string): string | undefined {
  const posix: Readonly<Record<string, string>> = {
    alpha: 'Alphabetic',
    space: 'White_Space',
    digit: 'Nd',
    upper: 'Uppercase',
    lower: 'Lowercase',
    punct: 'P',
  }
  return [posix[name.toLowerCase()], name, `Script=${name}`].find(candidate => {
    if (candidate === undefined) return false
    try {
      new RegExp(`\\p{${candidate}}`, 'v')
      return true
    } catch {
      return false
    }
  })
}
