/** The pairs of tokens that may be joined. */
export interface PairMerges {
  /** The merge of two neighbours, or -1. */
  find(left: number, right: number): number
  /** Merges with a smaller number come first. */
  order(merge: number): number
  /** The token that a merge gives. */
  result(merge: number): number
}

/** A candidate: tokens at two places that can be joined. */
interface Candidate {
  readonly order: number
  readonly left: number
  readonly right: number
  readonly merge: number
}

/**
 * Joins the best pair until none is left, the leftmost of equals first. A heap holds the candidates and neighbours are linked, so n
 * tokens take n log n steps, in any order of merges.
 */
export function mergePairs(tokens: number[], merges: PairMerges, out: number[]): void {
  const { length } = tokens
  const next = new Int32Array(length)
  const previous = new Int32Array(length)
  const heap: Candidate[] = []
  const offer = (left: number) => {
    if (left < 0) return
    const right = next[left]!
    if (right >= length) return
    const merge = merges.find(tokens[left]!, tokens[right]!)
    if (merge >= 0) push(heap, { order: merges.order(merge), left, right, merge })
  }
  for (let i = 0; i < length; i++) {
    next[i] = i + 1
    previous[i] = i - 1
  }
  for (let i = 0; i + 1 < length; i++) offer(i)
  while (heap.length > 0) {
    const { left, right, merge } = pop(heap)
    // A candidate is stale when either side was joined since.
    if (tokens[left] === GONE || next[left] !== right) continue
    if (merges.find(tokens[left]!, tokens[right]!) !== merge) continue
    tokens[left] = merges.result(merge)
    tokens[right] = GONE
    const after = next[right]!
    next[left] = after
    if (after < length) previous[after] = left
    offer(previous[left]!)
    offer(left)
  }
  for (const token of tokens) if (token !== GONE) out.push(token)
}

/** In place of a token that was joined to the one before it. */
const GONE = -1

function before(a: Candidate, b: Candidate): boolean {
  return a.order < b.order || (a.order === b.order && a.left < b.left)
}

function push(heap: Candidate[], candidate: Candidate): void {
  let i = heap.push(candidate) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(candidate, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = candidate
}

function pop(heap: Candidate[]): Candidate {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}
