import type { RopeLayout } from '../device/kernels.ts'

/** Rotary positions of one layer: turns the first 2 · frequencies.length elements of a head; the others pass. */
export interface Rope {
  readonly layout: RopeLayout
  /** Radians a position, every scaling worked in; 0 does not turn. */
  readonly frequencies: readonly number[]
  /** Of cosines and sines, which some call the attention factor; 1 by default. */
  readonly scale?: number | undefined
  /**
   * What a cache made for more tokens than `length` takes instead: other frequencies (longrope), or a base that grows
   * with the tokens (dynamic NTK): base · (factor · tokens / length − factor + 1)^(r / (r − 2)) for r turned elements.
   */
  readonly beyond?:
    | ({ readonly length: number } & (
        | { readonly frequencies: readonly number[] }
        | { readonly base: number; readonly factor: number }
      ))
    | undefined
}

/** Softmax attention over cached keys and values. */
export interface Attention {
  readonly kind: 'attention'
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Of q·k: 1/√headDim in most families. */
  readonly scale: number
  /** None: no positions here, or learned ones at the embedding. */
  readonly rope?: Rope | undefined
  /** A linear penalty on distance, with slopes 2^(−8i/heads) (Press et al., 2021, arXiv:2108.12409). */
  readonly alibi?: boolean | undefined
  /** |query − key| < window. */
  readonly window?: number | undefined
  /** c · tanh(score / c) */
  readonly softcap?: number | undefined
  /** A learned score per head that takes part in the softmax and has no value. */
  readonly sinks?: boolean | undefined
  readonly bidirectional?: boolean | undefined
  /** A norm of queries and keys before rotation, of each head or of the whole projection. */
  readonly queryKeyNorm?: 'head' | 'projection' | undefined
  /** A norm of each head's values, without a weight. */
  readonly valueNorm?: boolean | undefined
  /** σ(gate(x)) ⊙ attended */
  readonly gated?: boolean | undefined
  /** The layer whose keys and values are read; this one appends none. */
  readonly keysOf?: number | undefined
}

/** out(c ⊙ conv(b ⊙ u)) with b, c, u = input(x). It remembers the last kernel − 1 rows. */
export interface Convolution {
  readonly kind: 'convolution'
  readonly channels: number
  readonly kernel: number
}

/**
 * The gated delta rule (Yang et al., 2024, arXiv:2412.06464) behind a short convolution. It remembers kernel − 1 rows of
 * q, k, v and a matrix (keyDim, valueDim) a head.
 */
export interface DeltaNet {
  readonly kind: 'delta'
  readonly heads: number
  readonly keyHeads: number
  readonly keyDim: number
  readonly valueDim: number
  readonly kernel: number
  /** Head j reads key head ⌊j · keyHeads / heads⌋, or j mod keyHeads, as GGUF files have it. */
  readonly pairing: 'grouped' | 'tiled'
}

/** What mixes tokens in a layer. */
export type Mixer = Attention | Convolution | DeltaNet
