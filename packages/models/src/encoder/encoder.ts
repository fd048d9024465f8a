import {
  type BlockOptions,
  type Device,
  type LayeredModel,
  reference,
  ShapeError,
  type Taps,
  Tensor,
} from '@tersor/core-tensor'
import { checkPositions } from '../decoder/check-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { consecutive } from '../decoder/consecutive.ts'
import { embed } from '../decoder/embed.ts'
import { runLayer } from '../decoder/layer.ts'
import { ModelWeights, type Weight } from '../decoder/model-weights.ts'
import { moveWeights } from '../decoder/move-weights.ts'
import { blockWeights, FINAL_NORM } from '../decoder/roles.ts'
import { checkEncoder } from './check-encoder.ts'
import { TextBatch } from './text-batch.ts'

export interface EncodeOptions {
  /** Looks into the pass; the rows are those of all texts. */
  taps?: Pick<Taps, 'linear' | 'hidden'> | undefined
  signal?: AbortSignal | undefined
}

/**
 * A transformer that reads whole texts: each token sees those on both sides of it, and what comes out is a vector for
 * every token. It has the weights, layers and kernels of {@link Decoder}, so compressed weights run as they are stored.
 * Texts go through together, one below the other without padding, and give what each gives alone.
 *
 * @example
 * const config = configFromHuggingFace({
 *   model_type: 'bert', num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 12,
 *   vocab_size: 16, max_position_embeddings: 32,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const encoder = new Encoder(config, weights)
 * const hidden = await encoder.forward([Int32Array.of(1, 2, 3), Int32Array.of(4, 5)])
 * hidden.dims // => [5, 8]
 */
export class Encoder implements LayeredModel {
  readonly config: DecoderConfig
  readonly device: Device
  readonly #weights: ModelWeights

  /**
   * @param weights  by their roles, see `weightShapes`; biases may be left out
   * @throws {UnsupportedError} for a configuration that is no encoder's
   * @throws {ShapeError} when a weight is missing, has another shape, or is one that the configuration does not know
   */
  constructor(config: DecoderConfig, weights: ReadonlyMap<string, Weight>, device: Device = reference) {
    this.config = checkEncoder(config)
    this.device = device
    this.#weights = new ModelWeights(config, weights, device)
  }

  get weights(): ReadonlyMap<string, Weight> {
    return this.#weights.all
  }

  with(weights: ReadonlyMap<string, Weight>): Encoder {
    return new Encoder(this.config, new Map([...this.weights, ...weights]), this.device)
  }

  /**
   * This model on another device; afterwards this one cannot run any more.
   *
   * @param options.keep  leaves this model as it is; false by default
   */
  async to(device: Device, { keep = false }: { keep?: boolean | undefined } = {}): Promise<Encoder> {
    if (device === this.device) return this
    return new Encoder(this.config, await moveWeights(this.#weights, device, { keep }), device)
  }

  /** Frees the weights; idempotent. */
  dispose(): void {
    this.#weights.dispose()
  }

  /**
   * The vector of every token behind the last layer.
   *
   * @param texts  tokens of each text, special ones among them
   * @returns (tokens of all texts, hidden), one text below the other
   * @throws {ShapeError} when there is no text, or one is empty, too long or has tokens that the model does not know
   */
  async forward(texts: readonly Int32Array[], { taps, signal }: EncodeOptions = {}): Promise<Tensor> {
    for (const tokens of texts) checkPositions(this.config, tokens, consecutive(0, tokens.length))
    const batch = this.#batchOf(texts.map(({ length }) => length))
    let x = this.embed(joined(texts), joined(texts.map(({ length }) => consecutive(0, length))))
    try {
      for (let layer = 0; layer < this.config.layers.length; layer++) {
        signal?.throwIfAborted()
        const next = this.#run(layer, x, batch, taps)
        x.dispose()
        x = next
      }
    } catch (error) {
      x.dispose()
      throw error
    } finally {
      batch.dispose()
    }
    if (!this.config.finalNorm) return x
    using last = x
    return this.device.scope(() => this.#weights.norm(last, FINAL_NORM))
  }

  embed(tokens: Int32Array, positions: Int32Array = consecutive(0, tokens.length)): Tensor {
    return embed(this.#weights, this.config, tokens, positions)
  }

  /** One block on one text. */
  block(layer: number, x: Tensor, { taps }: BlockOptions = {}): Tensor {
    const batch = this.#batchOf([x.dims[0]!])
    try {
      return this.#run(layer, x, batch, taps)
    } finally {
      batch.dispose()
    }
  }

  blockWeights(layer: number): readonly string[] {
    return blockWeights(this.config, layer)
  }

  #batchOf(lengths: readonly number[]): TextBatch {
    return new TextBatch(this.config.mixers, this.device, lengths)
  }

  #run(layer: number, x: Tensor, cache: TextBatch, taps: Taps | undefined): Tensor {
    if (taps?.attention !== undefined)
      throw new ShapeError(
        '[models/encoder] expected taps of linear layers and hidden states, got one of attention',
      )
    taps?.hidden?.(layer, x)
    const { config } = this
    // Positions are in the embedding; what attends needs to know how many there are.
    using positions = this.device.upload(new Tensor('int32', consecutive(0, x.dims[0]!), [x.dims[0]!]))
    return runLayer(x, { weights: this.#weights, config, layer, cache, positions, taps })
  }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let start = 0
  for (const part of parts) {
    all.set(part, start)
    start += part.length
  }
  return all
}
