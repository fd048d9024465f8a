import type { Device } from '../device/device.ts'
import type { Encoded } from '../encoded/encoded.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { KVCache } from './kv-cache.ts'
import type { Mixer } from './mixer.ts'

/** What caches, samplers and jobs know of a model. */
export interface LMConfig {
  readonly vocabSize: number
  readonly contextLength: number
  /** Width of the hidden state. */
  readonly hiddenSize: number
  /** What mixes tokens, layer by layer. */
  readonly mixers: readonly Mixer[]
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
  /** (tokens) whose hidden states a block gets; needed by models with an embedding for each layer. */
  tokens?: Int32Array | undefined
  /** (kvHeads, keys) added to the scaled scores. */
  mask?: Tensor | undefined
  /** Which logits to compute; `last` by default. */
  logits?: 'last' | 'all' | 'none' | undefined
  taps?: Taps | undefined
  signal?: AbortSignal | undefined
}

export interface CacheOptions {
  /** How many tokens a cache will hold at most; the model's trained length by default. */
  length?: number | undefined
}

/** Tokens and a cache in, logits out. */
export interface CausalLM {
  readonly config: LMConfig
  readonly device: Device
  /** @param options.length  how many tokens it will hold at most, where the rotation depends on it (longrope, dynamic NTK) */
  createCache(options?: CacheOptions): KVCache
  /** Logits (tokens or 1, vocabSize) float32. */
  forward(tokens: Int32Array, options: ForwardOptions): Promise<{ logits?: Tensor | undefined }>
}

/** What a block of a model is given beside its input. */
export interface BlockOptions extends Omit<ForwardOptions, 'cache' | 'logits' | 'signal'> {
  /** What the tokens before left; without one the input is a whole text. */
  cache?: KVCache | undefined
}

/** A model that can be walked block by block, be it an encoder or one that predicts tokens: for calibration. */
export interface LayeredModel {
  readonly config: LMConfig
  readonly device: Device
  readonly weights: ReadonlyMap<string, Tensor | Encoded>
  /** The same model with some weights replaced. */
  with(weights: ReadonlyMap<string, Tensor | Encoded>): LayeredModel
  /** The same model on another device, packed for it; this one's weights are freed unless `keep` says otherwise. */
  to(device: Device, options?: { keep?: boolean | undefined }): Promise<LayeredModel>
  /** (tokens, hidden); `positions` count from 0 by default, and matter where they are learned. */
  embed(tokens: Int32Array, positions?: Int32Array): Tensor
  /** (tokens, hidden) to (tokens, hidden) */
  block(layer: number, x: Tensor, options?: BlockOptions): Tensor
  /** The names of the linear weights of a block, in the order of the forward pass. */
  blockWeights(layer: number): readonly string[]
}

/** A model of language that can be walked so, from its embedding to its head: for early exit and layer skipping too. */
export interface LayeredLM extends CausalLM, LayeredModel {
  with(weights: ReadonlyMap<string, Tensor | Encoded>): LayeredLM
  to(device: Device, options?: { keep?: boolean | undefined }): Promise<LayeredLM>
  /** (tokens, hidden) to (tokens, hidden): what the head multiplies, without its product. */
  headInput(x: Tensor): Tensor
  /** (tokens, hidden) to (tokens, vocabSize) */
  head(x: Tensor, taps?: Taps): Tensor
  /** The name of the weight that makes logits. */
  readonly headWeight: string
  /** That weight is the embedding too, which is read by rows as well as multiplied. */
  readonly tied: boolean
}
