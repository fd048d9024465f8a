import { PairTable } from './pair-table.ts'

/** Finds strings of a set that begin at a place in a text. */
export class Trie {
  /** (node, UTF-16 unit) to node; 0 is the root. */
  readonly #next = new PairTable()
  /** By node; undefined where no string ends. */
  readonly #values: (number | undefined)[] = [undefined]
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The value of a string is a number of the caller's; the first one stays. */
  add(text: string, value: number): void {
    let node = 0
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      let next = this.#next.get(node, unit)
      if (next < 0) {
        next = this.#values.length
        this.#values.push(undefined)
        this.#next.set(node, unit, next)
      }
      node = next
    }
    if (this.#values[node] !== undefined) return
    this.#values[node] = value
    this.#size++
  }

  /** The longest string that begins at a place, with its value. */
  longest(text: string, at: number): { readonly length: number; readonly value: number } | undefined {
    let found: { length: number; value: number } | undefined
    this.walk(text, at, (length, value) => {
      found = { length, value }
    })
    return found
  }

  /** All strings that begin at a place, the shortest first. */
  walk(text: string, at: number, visit: (length: number, value: number) => void): void {
    let node = 0
    for (let i = at; i < text.length; i++) {
      node = this.#next.get(node, text.charCodeAt(i))
      if (node < 0) return
      const value = this.#values[node]
      if (value !== undefined) visit(i + 1 - at, value)
    }
  }
}
