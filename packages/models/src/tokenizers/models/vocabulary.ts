import { FormatError } from '@tersor/core-tensor'

/** Far above any real vocabulary; a bound for files from strangers. */
export const MAX_VOCABULARY = 1 << 24

/** Tokens by id, and ids by token. */
export class Vocabulary {
  readonly #ids = new Map<string, number>()
  readonly #spellings: string[] = []

  /** Of tokens with one spelling the first counts. */
  add(token: string, id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_VOCABULARY)
      throw new FormatError(
        `[models/tokenizer] expected ids from 0 to ${MAX_VOCABULARY - 1}, got ${id} of '${token.slice(0, 40)}'`,
      )
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
