import { FormatError, type Tokenizer } from '@tersor/core-tensor'

export interface SentencePieceVocabulary {
  /** The text of each token; bytes as `<0x0A>`. */
  readonly pieces: readonly string[]
  /** Merges of a higher score come first. */
  readonly scores: ArrayLike<number>
  readonly bos?: number | undefined
  readonly eos?: number | undefined
}

/**
 * Byte-pair encoding as SentencePiece does it (Kudo and Richardson, 2018, arXiv:1808.06226): a space
 * is put before the text, characters are joined pair by pair in the order of the scores, and what
 * the vocabulary lacks is spelt in bytes.
 *
 * Pieces write a space as itself (llama2.c) or as ▁ (GGUF).
 *
 * @example
 * const pieces = ['<unk>', '<s>', '</s>', ' ', 'a', 'b', 'ab', ' ab']
 * const tokenizer = sentencePieceTokenizer({ pieces, scores: [0, 0, 0, -9, -9, -9, -1, -2] })
 * tokenizer.encode('abab') // => Int32Array [7, 6]
 * tokenizer.decode([7, 6]) // => 'abab'
 */
export function sentencePieceTokenizer({
  pieces,
  scores,
  bos = 1,
  eos = 2,
}: SentencePieceVocabulary): Tokenizer {
  const spaceMark = pieces.some(piece => piece.startsWith('▁')) ? '▁' : ' '
  const idOf = new Map<string, number>()
  // Of equal pieces the first counts, as in the reference implementation.
  for (let id = pieces.length - 1; id >= 0; id--) idOf.set(pieces[id]!, id)
  const byteOf = pieces.map(byteValue)
  const idOfByte = byteOf.reduce(
    (ids, byte, id) => (byte === undefined ? ids : ids.set(byte, id)),
    new Map<number, number>(),
  )

  const spell = (character: string): number[] => {
    const whole = idOf.get(character)
    if (whole !== undefined) return [whole]
    return Array.from(new TextEncoder().encode(character), byte => {
      const id = idOfByte.get(byte)
      if (id === undefined)
        throw new FormatError(
          `[models/tokenizer] the vocabulary has neither '${character}' nor the byte ${byte}`,
        )
      return id
    })
  }

  return {
    vocabSize: pieces.length,
    bos,
    eos,
    ends: [eos],
    addsBos: true,
    specialTokens: { bos_token: pieces[bos] ?? '', eos_token: pieces[eos] ?? '' },
    idOf: token => idOf.get(token),
    encode(text) {
      if (text === '') return new Int32Array(0)
      const characters = Array.from(` ${text}`.replaceAll(' ', spaceMark))
      return mergePairs(characters.flatMap(spell), pieces, scores, idOf)
    },
    decode(tokens) {
      const bytes: number[] = []
      const encoder = new TextEncoder()
      for (const token of tokens) {
        if (token === bos || token === eos) continue
        const piece = pieces[token]
        if (piece === undefined)
          throw new FormatError(`[models/tokenizer] expected tokens below ${pieces.length}, got ${token}`)
        const byte = byteOf[token]
        if (byte !== undefined) bytes.push(byte)
        else bytes.push(...encoder.encode(piece.replaceAll(spaceMark, ' ')))
      }
      return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/^ /, '')
    },
  }
}

/** A pair of neighbours that the vocabulary knows as one piece. */
interface Pair {
  readonly score: number
  readonly left: number
  readonly right: number
  readonly id: number
}

/**
 * Joins the best pair until none is left, the leftmost of equals first. A heap holds the
 * candidates and neighbours are linked, so a text of n tokens takes n log n steps.
 */
function mergePairs(
  tokens: number[],
  pieces: readonly string[],
  scores: ArrayLike<number>,
  idOf: ReadonlyMap<string, number>,
): Int32Array {
  const next = tokens.map((_, i) => i + 1)
  const previous = tokens.map((_, i) => i - 1)
  const heap: Pair[] = []
  const offer = (left: number) => {
    const right = next[left]
    if (left < 0 || right === undefined || right >= tokens.length) return
    const id = idOf.get(pieces[tokens[left]!]! + pieces[tokens[right]!]!)
    if (id !== undefined) push(heap, { score: scores[id]!, left, right, id })
  }
  const spans = tokens.map(() => 1)
  for (let i = 0; i < tokens.length; i++) offer(i)
  while (heap.length > 0) {
    const { left, right, id } = pop(heap)
    // A candidate is stale when either side was joined since.
    if (spans[left] === 0 || spans[right] === 0 || next[left] !== right) continue
    if (idOf.get(pieces[tokens[left]!]! + pieces[tokens[right]!]!) !== id) continue
    tokens[left] = id
    spans[right] = 0
    next[left] = next[right]!
    if (next[left]! < tokens.length) previous[next[left]!] = left
    offer(previous[left]!)
    offer(left)
  }
  return Int32Array.from(tokens.filter((_, i) => spans[i] === 1))
}

function before(a: Pair, b: Pair): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left)
}

function push(heap: Pair[], pair: Pair): void {
  let i = heap.push(pair) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(heap[i]!, heap[parent]!)) return
    ;[heap[i], heap[parent]] = [heap[parent]!, heap[i]!]
    i = parent
  }
}

function pop(heap: Pair[]): Pair {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  heap[0] = last
  for (let i = 0; ; ) {
    let best = i
    for (const child of [2 * i + 1, 2 * i + 2]) {
      if (child < heap.length && before(heap[child]!, heap[best]!)) best = child
    }
    if (best === i) return top
    ;[heap[i], heap[best]] = [heap[best]!, heap[i]!]
    i = best
  }
}

function byteValue(piece: string): number | undefined {
  const match = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)
  return match === null ? undefined : Number.parseInt(match[1]!, 16)
}
