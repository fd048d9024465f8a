import type { LMConfig, Mixer } from '@tersor/core-tensor'
import type { Pooling } from '../encoder/pooling.ts'

/** Functions between two linear layers. `gelu` is the exact one, `geluTanh` its usual approximation, `relu2` the square of relu. */
export type Activation = 'silu' | 'gelu' | 'geluTanh' | 'relu' | 'relu2'

/** Several feed-forward networks of which a token uses a few. */
export interface Experts {
  readonly count: number
  readonly perToken: number
  /** Whether the shares of a token's experts add up to 1, or are those among all experts. */
  readonly normalise: boolean
  /** One more that every token uses, weighed by a router of its own where `gated`. */
  readonly shared?: { readonly size: number; readonly gated: boolean } | undefined
}

/** down(act(gate(x)) ⊙ up(x)), or down(act(up(x))) where it is not gated. */
export interface FeedForward {
  readonly kind: 'feedForward'
  /** Width inside, or inside each expert. */
  readonly size: number
  readonly activation: Activation
  readonly gated: boolean
  /** min(g, limit) · σ(alpha · g) · (clip(u, limit) + 1) in the place of act(g) ⊙ u, as gpt-oss has it. */
  readonly clamp?: { readonly alpha: number; readonly limit: number } | undefined
  /** The gate keeps what exceeds mean + Φ⁻¹(sparsity) · deviation of its row. */
  readonly sparsity?: number | undefined
  readonly experts?: Experts | undefined
}

/** x + norm(right(left(x))): LAuReL (Menghani et al., 2024, arXiv:2411.07501). */
export interface LowRank {
  readonly kind: 'lowRank'
  readonly rank: number
}

/** output(act(gate(x)) ⊙ the token's own embedding for this layer). */
export interface PerLayer {
  readonly kind: 'perLayer'
  readonly activation: Activation
}

/** What a branch computes; its kind is the prefix of its weights' names. */
export type Operation = Mixer | FeedForward | LowRank | PerLayer

/** h ← sumScale · (h + scale · after(op(before(u)))), then the norm `sum`. */
export interface Branch {
  readonly op: Operation
  readonly norms: readonly ('before' | 'after' | 'sum')[]
  /** What u is: h by default, the layer's input, or what the norm of the first branch made of that. */
  readonly reads?: 'layer' | 'normed' | undefined
  readonly scale?: number | undefined
  readonly sumScale?: number | undefined
}

export interface LayerConfig {
  readonly branches: readonly Branch[]
  /** Its result is multiplied by one stored number. */
  readonly scaled?: boolean | undefined
}

/** A transformer as data: a list of layers, a layer a list of branches. All of it is JSON. */
export interface DecoderConfig extends LMConfig {
  /** The family it was read as, such as `gemma3`, which says what its weights are called in files. */
  readonly architecture: string
  /** One kind of norm in all of a model; with an offset of 1 its weights are stored as distances from 1. */
  readonly norm: {
    readonly kind: 'rms' | 'layer'
    readonly epsilon: number
    readonly offset?: 1 | undefined
  }
  readonly embedding: {
    readonly scale?: number | undefined
    /** A learned table of positions: the row of the first one. */
    readonly positions?: number | undefined
    /** A learned table of this many token types, of which the first is added. */
    readonly types?: number | undefined
    readonly norm?: boolean | undefined
  }
  readonly layers: readonly LayerConfig[]
  /** A norm behind the last layer. */
  readonly finalNorm: boolean
  /** What makes logits; none in an encoder. */
  readonly head?:
    | {
        readonly tied: boolean
        readonly scale?: number | undefined
        readonly softcap?: number | undefined
      }
    | undefined
  /** How an encoder's files make one vector of a text. */
  readonly pooling?: Pooling | undefined
  /** An embedding of its own for each layer: its width. */
  readonly perLayer?: { readonly size: number; readonly vocabSize: number } | undefined
  /** Several hidden states side by side, of which one runs through the layers: AltUp (Baykal et al., 2023, arXiv:2301.13310). */
  readonly streams?: { readonly count: number } | undefined
}
