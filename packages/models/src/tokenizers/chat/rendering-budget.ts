import { FormatError } from '@tersor/core-tensor'

/** A value of the interpreter. */
interface Value {
  readonly type: string
  readonly value: unknown
}

/** What one rendering may cost, in steps: about a second. A conversation of a thousand messages takes a twentieth of it. */
const MAX_COST = 2_000_000

/** Elements of a list or mapping, with those of the ones inside. */
const MAX_ELEMENTS = 1_000_000

/** Characters of a text: a million tokens. */
const MAX_CHARACTERS = 1 << 22

/** What an iteration of a loop costs besides the steps in it. */
const LOOP_COST = 20

/** Characters that a filter or method reads in a step. */
const CHARACTERS_PER_STEP = 32

/** How much of the work that a template may cause is done: counted, so that it ends at the same place on every machine. */
export class RenderingBudget {
  #cost = 0
  readonly #sizes = new WeakMap<object, number>()

  /** Something was evaluated: a step, and more for values that had to be made. */
  step({ type, value }: Value): void {
    this.#spend(1)
    if (typeof value === 'string') this.#spend(lengthOf(value) >> 8)
    else if (isCompound(value)) this.#spend(this.#sizeOf({ type, value }) >> 6)
  }

  /** A filter or method goes through all of a value. */
  work(value: Value): void {
    if (typeof value.value === 'string') this.#spend(lengthOf(value.value) / CHARACTERS_PER_STEP)
    else this.#spend(this.#sizeOf(value))
  }

  loop({ value }: Value): void {
    if (Array.isArray(value)) this.#spend(LOOP_COST * value.length)
    if (value instanceof Map) this.#spend(LOOP_COST * value.size)
  }

  #spend(cost: number): void {
    this.#cost += cost
    if (this.#cost > MAX_COST) throw tooMuch()
  }

  /** A list may hold the same list twice, and so on: it counts as large as it is when it is written out. */
  #sizeOf(value: Value, changing = new Map<object, number>()): number {
    const { value: inner } = value
    if (!isCompound(inner)) return 1
    // A namespace may get other elements later.
    const known = value.type === 'NamespaceValue' ? changing : this.#sizes
    const before = known.get(inner)
    if (before !== undefined) return before
    // What holds itself ends here.
    known.set(inner, 1)
    let size = 1
    for (const element of inner.values()) size += this.#sizeOf(element, changing)
    if (size > MAX_ELEMENTS) throw tooMuch()
    known.set(inner, size)
    return size
  }
}

/** That much work is never meant. */
export function tooMuch(): FormatError {
  return new FormatError(
    '[models/chat-template] expected a template that ends after a reasonable amount of work, got one that goes on; it may loop without end',
  )
}

function isCompound(value: unknown): value is readonly Value[] | ReadonlyMap<string, Value> {
  return Array.isArray(value) || value instanceof Map
}

function lengthOf(text: string): number {
  if (text.length > MAX_CHARACTERS) throw tooMuch()
  return text.length
}
