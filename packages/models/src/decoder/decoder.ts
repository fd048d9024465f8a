import {
  type BlockOptions,
  type CacheOptions,
  type Device,
  type ForwardOptions,
  type KVCache,
  type LayeredLM,
  reference,
  type Taps,
  Tensor,
} from '@tersor/core-tensor'
import { DenseCache } from '../caches/dense-cache.ts'
import { requireHead } from '../encoder/check-encoder.ts'
import { checkConfig, checkPositions } from './check-config.ts'
import type { DecoderConfig } from './config.ts'
import { consecutive } from './consecutive.ts'
import { embed } from './embed.ts'
import { logits } from './head.ts'
import { runLayer } from './layer.ts'
import { ModelWeights, type Weight } from './model-weights.ts'
import { moveWeights } from './move-weights.ts'
import { blockWeights, EMBEDDING, FINAL_NORM, HEAD } from './roles.ts'
import { gatherStreams } from './streams.ts'

/**
 * A transformer that predicts the next token, configured as data: one forward pass for every family, over weights in any
 * encoding. What a family is made of stands in `config.layers`, what its weights are called in `architectures/`.
 * Every linear layer is `linear(x, weight)`, so a compressed weight runs as it is stored.
 *
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'llama', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Decoder(config, weights)
 * const cache = model.createCache()
 * const { logits } = await model.forward(Int32Array.of(1, 2, 3), { cache })
 * logits?.dims // => [1, 16]
 * cache.length // => 3
 */
export class Decoder implements LayeredLM {
  readonly config: DecoderConfig
  readonly device: Device
  readonly #weights: ModelWeights

  /**
   * @param weights  by their roles, see `weightShapes`; biases may be left out
   * @throws {ShapeError} when a weight is missing, has another shape, or is one that the configuration does not know
   * @throws {FormatError} when the configuration contradicts itself
   * @throws {UnsupportedError} for the configuration of an encoder
   */
  constructor(config: DecoderConfig, weights: ReadonlyMap<string, Weight>, device: Device = reference) {
    requireHead(config)
    this.config = checkConfig(config)
    this.device = device
    this.#weights = new ModelWeights(config, weights, device)
  }

  get weights(): ReadonlyMap<string, Weight> {
    return this.#weights.all
  }

  with(weights: ReadonlyMap<string, Weight>): Decoder {
    return new Decoder(this.config, new Map([...this.weights, ...weights]), this.device)
  }

  /**
   * This model on another device, its weights packed into that device's layout one after the other.
   * The source is freed weight by weight, so that hardly more than one model is held at any time;
   * afterwards this model cannot run any more.
   *
   * @param options.keep  leaves this model as it is; false by default
   */
  async to(device: Device, { keep = false }: { keep?: boolean | undefined } = {}): Promise<Decoder> {
    if (device === this.device) return this
    return new Decoder(this.config, await moveWeights(this.#weights, device, { keep }), device)
  }

  /** Frees the weights; idempotent. */
  dispose(): void {
    this.#weights.dispose()
  }

  createCache(options: CacheOptions = {}): DenseCache {
    return new DenseCache(this.config.mixers, this.device, options)
  }

  async forward(tokens: Int32Array, options: ForwardOptions): Promise<{ logits?: Tensor | undefined }> {
    const { cache, logits: wanted = 'last', signal } = options
    // Fixed before the first block appends and changes the cache's length.
    const positions = options.positions ?? consecutive(cache.length, tokens.length)
    checkPositions(this.config, tokens, positions)
    let x = this.embed(tokens, positions)
    for (let layer = 0; layer < this.config.layers.length; layer++) {
      signal?.throwIfAborted()
      const next = this.block(layer, x, { ...options, positions, tokens })
      x.dispose()
      x = next
    }
    await cache.maintain({ signal })
    if (wanted === 'none') return {}
    const rows = wanted === 'all' ? x : x.rows(tokens.length - 1, tokens.length)
    const result = this.head(rows, options.taps)
    x.dispose()
    return { logits: result }
  }

  embed(tokens: Int32Array, positions: Int32Array = consecutive(0, tokens.length)): Tensor {
    return embed(this.#weights, this.config, tokens, positions)
  }

  block(layer: number, x: Tensor, options: BlockOptions = {}): Tensor {
    const { cache } = options
    if (cache !== undefined) return this.#run(layer, x, { ...options, cache })
    const own = this.createCache({ length: x.dims[0]! })
    try {
      return this.#run(layer, x, { ...options, cache: own })
    } finally {
      own.dispose()
    }
  }

  headInput(x: Tensor): Tensor {
    const { streams } = this.config
    return this.device.scope(() => {
      const h = streams === undefined ? x : gatherStreams(this.#weights, x, streams.count)
      return this.#weights.norm(h, FINAL_NORM)
    })
  }

  head(x: Tensor, taps?: Taps): Tensor {
    using h = this.headInput(x)
    taps?.linear?.([this.headWeight], h)
    return logits(this.#weights, this.config, h)
  }

  blockWeights(layer: number): readonly string[] {
    return blockWeights(this.config, layer)
  }

  get tied(): boolean {
    return this.config.head?.tied === true
  }

  /** The name of the weight that makes logits: the embedding's where they are tied. */
  get headWeight(): string {
    return this.tied ? EMBEDDING : HEAD
  }

  #run(layer: number, x: Tensor, options: BlockOptions & { cache: KVCache }): Tensor {
    const { cache, taps, mask, tokens } = options
    const positions = options.positions ?? consecutive(cache.length, x.dims[0]!)
    using at = this.device.upload(new Tensor('int32', positions, [positions.length]))
    taps?.hidden?.(layer, x)
    return runLayer(x, {
      weights: this.#weights,
      config: this.config,
      ...{ layer, cache, taps, mask, tokens },
      positions: at,
    })
  }
}
