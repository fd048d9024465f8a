/** How many entries a vocabulary may have: five of them then fit a float64 exactly. */
const VOCABULARY = 1024
const ORDER = 5

/** The n-grams of one order, as numbers in base 1,024 with the latest token last, ascending; and their histories. */
interface Grams {
  readonly keys: Float64Array
  readonly counts: Float64Array
  /** Histories, ascending: the keys without their last token. */
  readonly histories: Float64Array
  /** Σ of the counts of all continuations of a history. */
  readonly totals: Float64Array
  /** How many different continuations it has. */
  readonly branches: Float64Array
  /** What is taken off every count. */
  readonly discount: number
}

/**
 * An interpolated Kneser–Ney model of five tokens (Kneser and Ney, 1995; Chen and Goodman, 1999): counts less a discount,
 * and what that frees goes to the next lower order, which counts in how many contexts a token occurs. What a
 * neural model has to beat, at the least.
 */
export class KneserNey {
  /** By order, from one token to five. */
  readonly #orders: readonly Grams[]

  /** @param documents  token numbers below 1,024 */
  constructor(documents: Iterable<ArrayLike<number>>) {
    let grams = gramsOf(fiveGrams(documents))
    const orders = [grams]
    for (let order = ORDER - 1; order >= 1; order--) {
      // A lower order counts the different tokens that come before, not how often.
      const modulus = VOCABULARY ** order
      grams = gramsOf(grams.keys.map(key => key % modulus))
      orders.unshift(grams)
    }
    this.#orders = orders
  }

  /** Cross-entropy of each token of a document but its first, in nats. */
  nats(document: ArrayLike<number>): Float64Array {
    const losses = new Float64Array(Math.max(0, document.length - 1))
    for (let i = 1; i < document.length; i++) losses[i - 1] = -Math.log(this.#probability(document, i))
    return losses
  }

  #probability(document: ArrayLike<number>, at: number): number {
    let probability = 1 / VOCABULARY
    for (const [i, { keys, counts, histories, totals, branches, discount }] of this.#orders.entries()) {
      const key = keyAt(document, at, i + 1)
      const history = find(histories, Math.floor(key / VOCABULARY))
      if (history < 0) break
      const gram = find(keys, key)
      const seen = gram < 0 ? 0 : Math.max(0, counts[gram]! - discount)
      probability = (seen + discount * branches[history]! * probability) / totals[history]!
    }
    return probability
  }
}

/** The n tokens up to a place; before a document there is its first token, again and again. */
function keyAt(document: ArrayLike<number>, at: number, n: number): number {
  let key = 0
  for (let i = at - n + 1; i <= at; i++) key = key * VOCABULARY + document[Math.max(0, i)]!
  return key
}

function fiveGrams(documents: Iterable<ArrayLike<number>>): Float64Array {
  let keys = new Float64Array(1 << 16)
  let count = 0
  for (const document of documents) {
    while (count + document.length > keys.length) {
      const larger = new Float64Array(2 * keys.length)
      larger.set(keys)
      keys = larger
    }
    for (let i = 1; i < document.length; i++) keys[count++] = keyAt(document, i, ORDER)
  }
  return keys.slice(0, count)
}

/** Occurrences, in any order, counted. */
function gramsOf(occurrences: Float64Array): Grams {
  const { keys, counts } = countRuns(occurrences.sort())
  const histories = new Float64Array(keys.length)
  const totals = new Float64Array(keys.length)
  const branches = new Float64Array(keys.length)
  let last = -1
  for (let i = 0; i < keys.length; i++) {
    const history = Math.floor(keys[i]! / VOCABULARY)
    if (last < 0 || histories[last] !== history) histories[++last] = history
    totals[last]! += counts[i]!
    branches[last]!++
  }
  let once = 0
  let twice = 0
  for (const count of counts) {
    if (count === 1) once++
    else if (count === 2) twice++
  }
  const size = last + 1
  return {
    ...{ keys, counts },
    histories: histories.slice(0, size),
    totals: totals.slice(0, size),
    branches: branches.slice(0, size),
    // Without rare n-grams the formula gives nothing to take off.
    discount: once === 0 ? 0.5 : once / (once + 2 * twice),
  }
}

function countRuns(sorted: Float64Array): { keys: Float64Array; counts: Float64Array } {
  let size = 0
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) size++
  const keys = new Float64Array(size)
  const counts = new Float64Array(size)
  let at = -1
  for (const key of sorted) {
    if (at < 0 || keys[at] !== key) keys[++at] = key
    counts[at]!++
  }
  return { keys, counts }
}

/** Where a number is among ascending ones, −1 where it is not. */
function find(sorted: Float64Array, wanted: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const value = sorted[middle]!
    if (value === wanted) return middle
    if (value < wanted) low = middle + 1
    else high = middle - 1
  }
  return -1
}
