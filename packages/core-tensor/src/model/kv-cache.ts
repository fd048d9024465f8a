import type { AttentionOptions } from '../device/kernels.ts'
import type { Encoded } from '../encoded/encoded.ts'
import type { JobOptions } from '../job.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Key heads that share a length. Sealed segments are immutable; only a layer's last one grows, in place. */
export interface KVSegment {
  /** Which key heads it holds. */
  readonly heads: readonly number[]
  /** Tokens in use. */
  readonly length: number
  /** (heads, tokens, headDim); a segment that grows may have room for more tokens than it uses. */
  readonly keys: Tensor | Encoded
  readonly values: Tensor | Encoded
  /** (tokens) int32 */
  readonly positions: Tensor
  /** (heads, tokens) added to the scaled scores: masks are −∞, n merged tokens ln n. */
  readonly logWeight?: Tensor | undefined
  readonly rotated: boolean
  readonly sealed: boolean
}

/** What is asked of one attention; scale, causality, window and soft cap are the layer's. */
export type AttendOptions = Pick<
  AttentionOptions,
  'logWeight' | 'mass' | 'lse' | 'out' | 'order' | 'accumulate'
>

/** What a mixer without keys remembers: tensors of fixed size by name. */
export type MixerState = Readonly<Record<string, Tensor>>

/** What a transformer remembers. It owns rotation and attention. */
export interface KVCache {
  /** Tokens seen. */
  readonly length: number
  /** Bytes held now. */
  readonly byteLength: number
  segments(layer: number): readonly KVSegment[]
  /** Keys (kvHeads, n, headDim), unrotated; values likewise; positions (n) int32. */
  append(layer: number, keys: Tensor, values: Tensor, positions: Tensor): void
  /**
   * Queries (heads, n, headDim), unrotated; gives (heads, n, headDim). `logWeight` and `mass` have a
   * column for each token that the layer holds.
   */
  attend(layer: number, queries: Tensor, positions: Tensor, options?: AttendOptions): Tensor
  /** After each forward: evict, merge, encode. */
  maintain(options?: JobOptions): Promise<void>
  /** What a mixer without keys left here, undefined before its first tokens; the cache owns it. */
  state(layer: number): MixerState | undefined
  /** Takes the place of {@link KVCache.state}, and counts `tokens` more; from then on the tensors are the cache's. */
  keep(layer: number, state: MixerState, tokens: number): void
  /** How far back `truncate` may go: the shortest length that it takes. */
  readonly shortest: number
  /** Forgets all but the first `length` tokens, from `shortest` to `length`. */
  truncate(length: number): void
  /** An independent continuation that shares what is sealed. */
  fork(): KVCache
  dispose(): void
}

/** One stage of a cache method: scores, evicts, merges or encodes the segments of a layer. */
export interface KVStage {
  readonly needs?: readonly 'mass'[] | undefined
  apply(
    layer: number,
    segments: readonly KVSegment[],
    mass?: Tensor,
  ): readonly KVSegment[] | Promise<readonly KVSegment[]>
}
