import type { Device, Encoded, Tensor } from '@tersor/core-tensor'

/**
 * What weights can be rounded to: a line of codes, a table of levels, small floats. A solver decides how, and takes a grid: `nf4` is
 * `rtn` on the sixteen values of NormalFloat4, and `gptq` rounds to these just as well.
 *
 * Each group of weights has a range of its own, `width` numbers that begin at `at` in an array with those of all groups.
 */
export interface Grid {
  readonly name: string
  /** Codes are whole, from 0 to levels − 1; at most 256. */
  readonly levels: number
  /** Numbers of a range. */
  readonly width: number
  /**
   * Whether the ranges of all groups have to be known before the first code is decided, because they are stored together; others
   * may be found while rounding is under way.
   */
  readonly rangesFirst: boolean
  /**
   * Finds the range of one group of finite weights.
   *
   * @param importance  how much the error of each weight counts, where the range is searched for
   */
  fit(values: ArrayLike<number>, ranges: Float32Array, at: number, importance?: ArrayLike<number>): void
  /** The code of a weight. */
  code(x: number, ranges: Float32Array, at: number): number
  /** What a code decodes to, in float32. */
  value(code: number, ranges: Float32Array, at: number): number
  /** The ranges as parts of an encoding; what is stored with a loss is written back to `ranges` as it decodes. */
  store(ranges: Float32Array, layout: GroupLayout, device: Device): RangeParts
  /**
   * @param codes  one for each weight, row by row
   * @param parts  what `store` gave
   */
  encoded(codes: Uint8Array, parts: RangeParts, layout: GroupLayout, device: Device): Encoded
  /** `byteLength` of the encoding: exactly, or at most. */
  size(layout: GroupLayout): { readonly bytes: number; readonly exact: boolean }
}

/** How the weights of a tensor share ranges. */
export interface GroupLayout {
  readonly dims: readonly number[]
  /** Weights along `axis` that share a range; the last group may be short. */
  readonly group: number
  readonly axis: number
  /** The shape of per-group numbers: ⌈length / group⌉ along `axis`; ones where a range is shared by all. */
  readonly rangeDims: readonly number[]
}

/** Per-group numbers as they are stored. */
export type RangeParts = Readonly<Record<string, Tensor | Encoded>>
