import type { Device } from '../device/device.ts'
import type { Encoded } from '../encoded/encoded.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { KVCache } from './kv-cache.ts'

export interface LMConfig {
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly vocabSize: number
  readonly contextLength: number
  readonly ropeBase: number
}

/** Looks into a forward pass. The tensors are valid during the call only. */
export interface Taps {
  /** Once for each distinct input of linear layers, with the names of the weights that share it. */
  linear?: ((names: readonly string[], x: Tensor) => void) | undefined
  /** The input of a block: (tokens, hidden). */
  hidden?: ((layer: number, x: Tensor) => void) | undefined
  /** The attention that each key received: (heads, tokens). */
  attention?: ((layer: number, mass: Tensor) => void) | undefined
}

export interface ForwardOptions {
  cache: KVCache
  /** (tokens); those after the cache's length by default. */
  positions?: Int32Array | undefined
  /** (kvHeads, keys) added to the scaled scores. */
  mask?: Tensor | undefined
  /** Which logits to compute; `last` by default. */
  logits?: 'last' | 'all' | 'none' | undefined
  taps?: Taps | undefined
  signal?: AbortSignal | undefined
}

/** Tokens and a cache in, logits out. */
export interface CausalLM {
  readonly config: LMConfig
  readonly device: Device
  createCache(): KVCache
  /** Logits (tokens or 1, vocabSize) float32. */
  forward(tokens: Int32Array, options: ForwardOptions): Promise<{ logits?: Tensor | undefined }>
}

/** A model that can be walked block by block: for calibration, early exit, layer skipping. */
export interface LayeredLM extends CausalLM {
  readonly weights: ReadonlyMap<string, Tensor | Encoded>
  /** The same model with some weights replaced. */
  with(weights: ReadonlyMap<string, Tensor | Encoded>): LayeredLM
  /** The same model on another device, packed for it; this one's weights are freed unless `keep` says otherwise. */
  to(device: Device, options?: { keep?: boolean | undefined }): Promise<LayeredLM>
  /** (tokens, hidden) */
  embed(tokens: Int32Array): Tensor
  /** (tokens, hidden) to (tokens, hidden) */
  block(layer: number, x: Tensor, options: ForwardOptions): Tensor
  /** (tokens, hidden) to (tokens, hidden): what the head multiplies, without its product. */
  headInput(x: Tensor): Tensor
  /** (tokens, hidden) to (tokens, vocabSize) */
  head(x: Tensor, taps?: Taps): Tensor
  /** The name of the weight that makes logits. */
  readonly headWeight: string
  /** That weight is the embedding too, which is read by rows as well as multiplied. */
  readonly tied: boolean
  /** The names of the linear weights of a block, in the order of the forward pass. */
  blockWeights(layer: number): readonly string[]
}
