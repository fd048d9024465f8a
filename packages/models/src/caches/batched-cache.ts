import {
  type AttendOptions,
  type JobOptions,
  type KVCache,
  type KVSegment,
  type MixerState,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { copy, gather } from '@tersor/core-tensor/reference'

/**
 * Several caches as one, for advancing as many texts by one token in a single forward pass: token i
 * belongs to cache i. Linear layers then see a batch, while each text attends to its own past.
 * Pass `positions` to `forward`, as the texts may differ in length.
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
 * const cache = new BatchedCache([model.createCache(), model.createCache()])
 * const positions = Int32Array.of(0, 0)
 * const { logits } = await model.forward(Int32Array.of(3, 5), { cache, positions, logits: 'all' })
 * logits?.dims // => [2, 16]
 */
export class BatchedCache implements KVCache {
  readonly caches: readonly KVCache[]

  constructor(caches: readonly KVCache[]) {
    this.caches = caches
  }

  get length(): number {
    return Math.max(0, ...this.caches.map(({ length }) => length))
  }

  get byteLength(): number {
    return this.caches.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  segments(layer: number): readonly KVSegment[] {
    return this.caches.flatMap(cache => cache.segments(layer))
  }

  append(layer: number, keys: Tensor, values: Tensor, positions: Tensor): void {
    this.#check(positions.size)
    this.caches.forEach((cache, i) => {
      using key = token(keys, i)
      using value = token(values, i)
      cache.append(layer, key, value, positions.rows(i, i + 1))
    })
  }

  attend(layer: number, queries: Tensor, positions: Tensor, options: AttendOptions = {}): Tensor {
    this.#check(positions.size)
    if (options.logWeight !== undefined || options.mass !== undefined || options.lse !== undefined) {
      throw new UnsupportedError(
        '[models/batched-cache] masks, mass and log-sum-exp belong to one text; run it on its own cache',
      )
    }
    const out = options.out ?? queries.device.empty('float32', queries.dims)
    this.caches.forEach((cache, i) => {
      using query = token(queries, i)
      using attended = cache.attend(layer, query, positions.rows(i, i + 1))
      copy(attended, { out, at: [0, i, 0] })
    })
    return out
  }

  state(): MixerState | undefined {
    throw stateful()
  }

  keep(): void {
    throw stateful()
  }

  get shortest(): number {
    return Math.max(0, ...this.caches.map(({ shortest }) => shortest))
  }

  async maintain(options: JobOptions = {}): Promise<void> {
    for (const cache of this.caches) await cache.maintain(options)
  }

  truncate(length: number): void {
    for (const cache of this.caches) cache.truncate(length)
  }

  fork(): BatchedCache {
    return new BatchedCache(this.caches.map(cache => cache.fork()))
  }

  dispose(): void {
    for (const cache of this.caches) cache.dispose()
  }

  #check(tokens: number): void {
    if (tokens !== this.caches.length) {
      throw new ShapeError(
        `[models/batched-cache] expected one token for each of ${this.caches.length} caches, got ${tokens}`,
      )
    }
  }
}

function stateful(): UnsupportedError {
  return new UnsupportedError(
    '[models/batched-cache] expected a model whose layers all keep keys and values, got one with a state; run its texts one after the other',
  )
}

/** One token of (heads, tokens, headDim) as (heads, 1, headDim). */
function token(x: Tensor, index: number): Tensor {
  const at = x.device.upload(new Tensor('int32', [index], [1]))
  return gather(x, at, { axis: 1 })
}
