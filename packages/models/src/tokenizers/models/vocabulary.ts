import { FormatError } from '@tersor/core-tensor'

/** Far above any real vocabulary; a bound for files from strangers. */
const MAX_VOCABULARY = 1 << 24

export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < MAX_VOCABULARY
}

/** @throws {FormatError} for what is no id that a vocabulary could have */
export function requireId(value: unknown, what: string): number {
  if (isId(value)) return value
  throw new FormatError(
    `[models/tokenizer] expected ids from 0 to ${MAX_VOCABULARY - 1}, got ${String(value).slice(0, 60)} for ${what}`,
  )
}

/** Tokens by id, and ids by token. */
export class Vocabulary {
  readonly #ids = new Map<string, number>()
  readonly #spellings: string[] = []

  /** Of tokens with one spelling the first counts. */
  add(token: string, id: number): void {
    requireId(id, `'${token.slice(0, 40)}'`)
    // Holes are filled, so that the list stays a list.
    while (this.#spellings.length <= id) this.#spellings.push(UNUSED)
    this.#spellings[id] = token
    if (!this.#ids.has(token)) this.#ids.set(token, id)
  }

  /** Tokens whose ids are their places in a list. */
  static of(tokens: Iterable<string>): Vocabulary {
    const vocabulary = new Vocabulary()
    let id = 0
    for (const token of tokens) vocabulary.add(token, id++)
    return vocabulary
  }

  get size(): number {
    return this.#spellings.length
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  spellingOf(id: number): string | undefined {
    const spelling = this.#spellings[id]
    return spelling === UNUSED ? undefined : spelling
  }
}

/** In place of ids that no token has: no text holds half a surrogate pair. */
const UNUSED = '\uD800'
