import { FormatError } from '@tersor/core-tensor'
import { requireId } from './models/vocabulary.ts'
import type { Normalizer } from './normalizers/normalizer.ts'
import { Trie } from './trie.ts'

/** A token that stands in a text as it is spelt, whatever surrounds it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** It means something to the model, and is no text. */
  readonly special: boolean
  /** Only where no letter touches it. */
  readonly singleWord?: boolean | undefined
  /** It takes the white space before it along. */
  readonly lstrip?: boolean | undefined
  readonly rstrip?: boolean | undefined
  /** It is found in the normalised text. */
  readonly normalized?: boolean | undefined
}

/** Whether what stands at a place becomes the special token that is spelt so. */
export type ParseSpecial = (at: number) => boolean

/** A token, or text between tokens, with the place in the text where it begins. */
interface Part {
  readonly at: number
  readonly content: number | string
}

interface AddedTokens {
  /** One more than the largest id; 0 without tokens. */
  readonly size: number
  readonly special: readonly number[]
  idOf(content: string): number | undefined
  spellingOf(id: number): string | undefined
  /** Parts of a text; special tokens for which `parse` says no are left as text. */
  split(text: string, parse: ParseSpecial): Part[]
  /** The same for tokens that are found in normalised text only. */
  splitNormalized(text: string, parse: ParseSpecial): Part[]
}

/** Finds added tokens: the leftmost first, of those the longest. */
export function addedTokens(tokens: readonly AddedToken[], normalize: Normalizer): AddedTokens {
  const byId = new Map<number, AddedToken>()
  const ids = new Map<string, number>()
  const written = new Trie()
  const normalized = new Trie()
  let size = 0
  for (const token of tokens) {
    const { id, content } = token
    if (content === '') throw new FormatError(`[models/tokenizer] expected a spelling of token ${id}, got ''`)
    requireId(id, `'${content.slice(0, 40)}'`)
    byId.set(id, token)
    ids.set(content, id)
    size = Math.max(size, id + 1)
    if (token.normalized !== true) written.add(content, id)
    else {
      const spelling = normalize(content)
      if (spelling !== '') normalized.add(spelling, id)
    }
  }
  const splitBy = (trie: Trie) => (text: string, parse: ParseSpecial) =>
    trie.size === 0
      ? wholeText(text)
      : split(text, trie, (id, at) => {
          const token = byId.get(id)!
          return token.special && !parse(at) ? undefined : token
        })
  return {
    size,
    special: tokens.filter(({ special }) => special).map(({ id }) => id),
    idOf: content => ids.get(content),
    spellingOf: id => byId.get(id)?.content,
    split: splitBy(written),
    splitNormalized: splitBy(normalized),
  }
}

function wholeText(text: string): Part[] {
  return text === '' ? [] : [{ at: 0, content: text }]
}

function split(
  text: string,
  trie: Trie,
  tokenOf: (id: number, at: number) => AddedToken | undefined,
): Part[] {
  const parts: Part[] = []
  /** Where the text begins that is no token. */
  let from = 0
  const keepText = (to: number) => {
    if (to > from) parts.push({ at: from, content: text.slice(from, to) })
  }
  for (let at = 0; at < text.length; ) {
    const match = trie.longest(text, at)
    if (match === undefined) {
      at++
      continue
    }
    const token = tokenOf(match.value, at)
    const end = at + match.length
    if (token !== undefined && (token.singleWord !== true || standsAlone(text, at, end))) {
      const start = token.lstrip === true ? Math.max(from, spaceBefore(text, at)) : at
      keepText(start)
      parts.push({ at: start, content: token.id })
      from = token.rstrip === true ? spaceAfter(text, end) : end
    }
    // White space that a token took along may be a token of its own.
    at = end
  }
  keepText(text.length)
  return parts
}

const word = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u

function standsAlone(text: string, start: number, end: number): boolean {
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? ''
  const after = String.fromCodePoint(text.codePointAt(end) ?? 0x20)
  return !word.test(before) && !word.test(after)
}

const space = /\p{White_Space}/u

function spaceBefore(text: string, at: number): number {
  while (at > 0 && space.test(text[at - 1]!)) at--
  return at
}

function spaceAfter(text: string, at: number): number {
  while (at < text.length && space.test(text[at]!)) at++
  return at
}
