import { FormatError } from '@tersor/core-tensor'
import { byteSpelling } from '../byte-tokens.ts'
import { Trie } from '../trie.ts'
import type { Vocabulary } from './vocabulary.ts'
import type { VocabularyModel } from './vocabulary-model.ts'
import { remembering } from './word-cache.ts'

/** How far an unknown character lies below the least likely piece. */
const UNKNOWN_PENALTY = 10

export interface UnigramOptions {
  readonly vocabulary: Vocabulary
  /** Logarithms of the pieces' probabilities, by id. */
  readonly scores: ArrayLike<number>
  /** Stands for what the vocabulary lacks. */
  readonly unknown?: number | undefined
  /** Spell in bytes (`<0x0A>`) what the vocabulary lacks. */
  readonly byteFallback?: boolean | undefined
  /** Ids that no text is cut into, such as control tokens. */
  readonly except?: ReadonlySet<number> | undefined
}

/**
 * The most likely way to cut a text into pieces of a vocabulary (Kudo, 2018, arXiv:1804.10959), found by Viterbi's algorithm from left
 * to right. Unknown characters next to each other are one token.
 */
export function unigram({
  vocabulary,
  scores,
  unknown,
  byteFallback = false,
  except,
}: UnigramOptions): VocabularyModel {
  const pieces = new Trie()
  let least = 0
  for (let id = 0; id < vocabulary.size; id++) {
    const piece = vocabulary.spellingOf(id)
    least = Math.min(least, scores[id]!)
    if (piece !== undefined && piece !== '' && vocabulary.idOf(piece) === id && except?.has(id) !== true)
      pieces.add(piece, id)
  }
  const unknownScore = least - UNKNOWN_PENALTY
  const idOf = (token: string) => vocabulary.idOf(token)
  const inBytes = byteFallback ? byteSpelling(idOf) : undefined

  /** Tokens of a run of characters that are no piece. */
  const spell = (run: string, out: number[]) => {
    const bytes = inBytes?.(run)
    if (bytes !== undefined) for (const byte of bytes) out.push(byte)
    else if (unknown !== undefined) out.push(unknown)
    else
      throw new FormatError(
        `[models/tokenizer] expected a vocabulary with '${run.slice(0, 40)}' or a token for unknown characters, got neither`,
      )
  }

  return {
    kind: 'unigram',
    size: vocabulary.size,
    idOf,
    spellingOf: id => vocabulary.spellingOf(id),
    encode: remembering((piece, out) => {
      let run = ''
      for (const { from, to, id } of bestCuts(piece, pieces, scores, unknownScore)) {
        if (id === undefined) {
          run += piece.slice(from, to)
          continue
        }
        if (run !== '') spell(run, out)
        run = ''
        out.push(id)
      }
      if (run !== '') spell(run, out)
    }),
  }
}

interface Cut {
  readonly from: number
  readonly to: number
  readonly id: number | undefined
}

function bestCuts(text: string, pieces: Trie, scores: ArrayLike<number>, unknownScore: number): Cut[] {
  /** Score of the best way to each place; NaN where none leads. */
  const best = new Float64Array(text.length + 1).fill(Number.NaN)
  const cuts: (Cut | undefined)[] = new Array(text.length + 1).fill(undefined)
  best[0] = 0
  const offer = (from: number, to: number, id: number | undefined, score: number) => {
    const total = best[from]! + score
    if (total <= best[to]!) return
    best[to] = total
    cuts[to] = { from, to, id }
  }
  for (let at = 0; at < text.length; ) {
    const { length } = String.fromCodePoint(text.codePointAt(at)!)
    let single = false
    pieces.walk(text, at, (size, id) => {
      offer(at, at + size, id, scores[id]!)
      single ||= size === length
    })
    if (!single) offer(at, at + length, undefined, unknownScore)
    at += length
  }
  const way: Cut[] = []
  for (let cut = cuts[text.length]; cut !== undefined; cut = cuts[cut.from]) way.push(cut)
  return way.reverse()
}
