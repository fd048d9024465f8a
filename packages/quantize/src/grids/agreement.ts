import type { Tensor } from '@tersor/core-tensor'
import {
  affineEncoding,
  codebookEncoding,
  type Encoded,
  isEncoded,
  type Json,
  toFloat32,
} from '@tersor/core-tensor'

/** What slices of a weight that is rounded have to be stored alike in; what is undefined is decided by each. */
export interface Agreement {
  /** Of the scales of a line, where float16 could not hold one of them. */
  readonly scaleType?: string | undefined
  /** Parts that are left out where they are 0 in every group, and are not in some slice. */
  readonly kept?: readonly string[] | undefined
  /** The least and the largest power of two of a table of them. */
  readonly powers?: readonly [least: number, most: number] | undefined
}

/**
 * What slices agreed on before, and what one more was stored with.
 *
 * @param slice  what a solver of this package gave
 */
export function agreement(slice: Encoded, before: Json | undefined): Json {
  const agreed = (before ?? {}) as Agreement
  const { encoding, parts } = slice
  if (encoding === codebookEncoding) return withScales(parts.scale, before)
  if (encoding === affineEncoding) {
    const scaleType = parts.scale!.type
    const kept = ['zero', 'offset'].filter(name => name in parts)
    // What was 0 with other scales need not be with these.
    if (agreed.scaleType !== scaleType) return { scaleType, kept }
    return { scaleType, kept: [...new Set([...(agreed.kept ?? []), ...kept])].toSorted() }
  }
  const [base] = Object.values(parts)
  return base !== undefined && isEncoded(base) ? agreement(base, before) : {}
}

/** Scales of levels are numbers, or lie on a line themselves, or are powers of two out of a table. */
function withScales(scale: Tensor | Encoded | undefined, before: Json | undefined): Json {
  if (scale === undefined || !isEncoded(scale)) return {}
  if (scale.encoding === affineEncoding) return agreement(scale, before)
  const table = toFloat32(scale.parts.table as Tensor)
  return { powers: [table[0]!, table.at(-1)!] }
}
