import { FormatError } from '@tersor/core-tensor'
import { textOfBytes } from '../utf8.ts'
import type { Normalizer } from './normalizer.ts'

const encoder = /* @__PURE__ */ new TextEncoder()

/** Longer clusters are never looked up as one. */
const MAX_CLUSTER_BYTES = 5

/**
 * The table of replacements that SentencePiece compiles into its models (`precompiled_charsmap`): uint32 length of a double-array trie
 * in bytes, the trie, then the replacements, each ended by a zero byte.
 *
 * Clusters of characters up to five bytes are looked up as a whole, others character by character.
 *
 * @throws {FormatError} when the lengths do not fit
 */
export function precompiled(map: Uint8Array): Normalizer {
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength)
  const trieBytes = map.length < 4 ? Number.NaN : view.getUint32(0, true)
  if (!(trieBytes % 4 === 0 && 4 + trieBytes <= map.length))
    throw new FormatError('[models/tokenizer] expected a precompiled_charsmap that holds its trie, got less')
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true))
  const texts = map.subarray(4 + trieBytes)

  const replacementOf = (text: string): string | undefined => {
    const offset = firstMatch(units, encoder.encode(text))
    if (offset === undefined || offset >= texts.length) return undefined
    const end = texts.indexOf(0, offset)
    return textOfBytes(texts.subarray(offset, end < 0 ? texts.length : end))
  }
  const known = new Map<string, string>()
  const rewrite = (cluster: string): string => {
    const before = known.get(cluster)
    if (before !== undefined) return before
    const short = cluster.length <= MAX_CLUSTER_BYTES && encoder.encode(cluster).length <= MAX_CLUSTER_BYTES
    const asOne = short ? replacementOf(cluster) : undefined
    const rewritten =
      asOne ?? Array.from(cluster, character => replacementOf(character) ?? character).join('')
    if (short) known.set(cluster, rewritten)
    return rewritten
  }
  return text => text.replace(clusters, rewrite)
}

/** A character with the marks on it; longer clusters, as of flags, are above the limit anyway. */
const clusters =
  /\r\n|[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200C\u200D])\p{Cf}|[\s\S][\p{Grapheme_Extend}\p{Mc}\u200D]*/gu

/** The value of the shortest key that the bytes begin with, in a double-array trie of the Darts format. */
function firstMatch(units: Uint32Array, bytes: Uint8Array): number | undefined {
  let unit = units[0]
  if (unit === undefined) return undefined
  let node = offsetOf(unit)
  for (const byte of bytes) {
    if (byte === 0) return undefined
    node ^= byte
    unit = units[node]
    // The label of a unit is the byte that leads to it; the highest bit marks values.
    if (unit === undefined || (unit & 0x800000ff) !== byte) return undefined
    node ^= offsetOf(unit)
    if (((unit >>> 8) & 1) === 1) {
      const leaf = units[node]
      return leaf === undefined ? undefined : leaf & 0x7fffffff
    }
  }
  return undefined
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0
}
