import {
  type Device,
  decode,
  type Encoded,
  type ForwardOptions,
  isEncoded,
  type KVCache,
  type LayeredLM,
  linear,
  reference,
  ShapeError,
  type Taps,
  Tensor,
} from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import { binary, gather, rmsNorm, transpose, unary } from '@tersor/core-tensor/reference'
import { DenseCache } from './dense-cache.ts'
import { checkLlamaConfig, type LlamaConfig } from './llama-config.ts'
import { mixtureOfExperts } from './mixture-of-experts.ts'
import { residentWeight } from './resident-weight.ts'
import {
  blockWeightNames,
  EMBEDDING,
  FINAL_NORM,
  feedForwardNames,
  HEAD,
  weightShapes,
} from './weight-names.ts'

type Weight = Tensor | Encoded

/**
 * The Llama architecture (Touvron et al., 2023, arXiv:2302.13971) over weights in any encoding:
 * RMSNorm, rotary positions, grouped-query attention, SwiGLU, and a head that may be the embedding.
 * With `experts` in the configuration it is a Mixtral (Jiang et al., 2024, arXiv:2401.04088): each block has several
 * feed-forward networks, of which a token uses a few; that needs a host device.
 * Every linear layer is `linear(x, weight)`, so a compressed weight runs as it is stored.
 *
 * @example
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Llama(config, weights)
 * const cache = model.createCache()
 * const { logits } = await model.forward(Int32Array.of(1, 2, 3), { cache })
 * logits?.dims // => [1, 16]
 * cache.length // => 3
 */
export class Llama implements LayeredLM {
  readonly config: LlamaConfig
  readonly weights: ReadonlyMap<string, Weight>
  readonly device: Device

  /**
   * @param weights  under Hugging Face's names, see `weightShapes`
   * @throws {ShapeError} when a weight is missing or has another shape
   */
  constructor(config: LlamaConfig, weights: ReadonlyMap<string, Weight>, device: Device = reference) {
    this.config = checkLlamaConfig(config)
    this.device = device
    this.weights = weights
    for (const [name, dims] of weightShapes(config)) {
      const weight = weights.get(name)
      if (weight === undefined)
        throw new ShapeError(`[models/llama] expected a weight '${name}' [${dims}], got none`)
      if (weight.dims.join() !== dims.join()) {
        throw new ShapeError(
          `[models/llama] expected '${name}' to be [${dims}] as the configuration says, got [${weight.dims}]`,
        )
      }
    }
  }

  with(weights: ReadonlyMap<string, Weight>): Llama {
    return new Llama(this.config, new Map([...this.weights, ...weights]), this.device)
  }

  /**
   * This model on another device, its weights packed into that device's layout one after the other.
   * The source is freed weight by weight, so that hardly more than one model is held at any time;
   * afterwards this model cannot run any more.
   *
   * @param options.keep  leaves this model as it is; false by default
   */
  async to(device: Device, { keep = false }: { keep?: boolean | undefined } = {}): Promise<Llama> {
    if (device === this.device) return this
    const moved = new Map<string, Weight>()
    for (const [name, weight] of this.weights) {
      moved.set(name, await residentWeight(unpacked(weight, this.device), device))
      if (!keep) dispose(weight)
    }
    return new Llama(this.config, moved, device)
  }

  /** Frees the weights; idempotent. */
  dispose(): void {
    for (const weight of this.weights.values()) dispose(weight)
  }

  createCache(): DenseCache {
    return new DenseCache(this.config, this.device, { ropeLayout: this.config.ropeLayout })
  }

  async forward(tokens: Int32Array, options: ForwardOptions): Promise<{ logits?: Tensor | undefined }> {
    const { cache, logits = 'last', signal } = options
    // Fixed before the first block appends and changes the cache's length.
    const positions = options.positions ?? consecutive(cache.length, tokens.length)
    const { contextLength } = this.config
    if (
      tokens.length === 0 ||
      positions.length !== tokens.length ||
      positions.some(position => position < 0 || position >= contextLength)
    ) {
      throw new ShapeError(
        `[models/llama] expected at least one token, each at a position from 0 to ${contextLength - 1}, got ${tokens.length} tokens after ${cache.length}`,
      )
    }
    let x = this.embed(tokens)
    for (let layer = 0; layer < this.config.layers; layer++) {
      signal?.throwIfAborted()
      const next = this.block(layer, x, { ...options, positions })
      x.dispose()
      x = next
    }
    await cache.maintain({ signal })
    if (logits === 'none') return {}
    const rows = logits === 'all' ? x : x.rows(tokens.length - 1, tokens.length)
    const result = this.head(rows, options.taps)
    x.dispose()
    return { logits: result }
  }

  embed(tokens: Int32Array): Tensor {
    const embedding = this.#weight(EMBEDDING)
    const { vocabSize } = this.config
    const stray = tokens.find(token => token < 0 || token >= vocabSize)
    if (stray !== undefined)
      throw new ShapeError(`[models/llama] expected tokens from 0 to ${vocabSize - 1}, got ${stray}`)
    return this.device.scope(() => {
      if (tokens.length > vocabSize / 8) return gather(decode(embedding), this.#int32(tokens), { axis: 0 })
      const x = this.device.empty('float32', [tokens.length, this.config.hiddenSize])
      for (const [i, token] of tokens.entries())
        decode(embedding, { rows: [token, token + 1], out: x.rows(i, i + 1) })
      return x
    })
  }

  block(layer: number, x: Tensor, { cache, positions, mask, taps }: ForwardOptions): Tensor {
    const { heads, kvHeads, headDim, epsilon } = this.config
    const names = blockWeightNames(layer)
    const tokens = x.dims[0]!
    using at = this.#int32(positions ?? consecutive(cache.length, tokens))
    taps?.hidden?.(layer, x)

    using h = rmsNorm(x, this.#tensor(names.attentionNorm), { epsilon })
    taps?.linear?.([names.query, names.key, names.value], h)
    using q = this.#heads(h, names.query, heads)
    using k = this.#heads(h, names.key, kvHeads)
    using v = this.#heads(h, names.value, kvHeads)
    // Neither the cache nor a tap may be called in a scope: what they allocate outlives this pass.
    cache.append(layer, k, v, at)
    using mass = taps?.attention && this.device.empty('float32', [heads, keysIn(cache, layer)])
    using attended = cache.attend(layer, q, at, {
      scale: 1 / Math.sqrt(headDim),
      causal: true,
      logWeight: mask,
      mass,
    })
    if (mass !== undefined) taps?.attention?.(layer, mass)
    using joined = joinHeads(attended)
    taps?.linear?.([names.output], joined)
    using afterAttention = this.device.scope(() =>
      binary('add', x, linear(joined, this.#weight(names.output))),
    )
    return this.#feedForward(layer, afterAttention, taps)
  }

  headInput(x: Tensor): Tensor {
    return rmsNorm(x, this.#tensor(FINAL_NORM), { epsilon: this.config.epsilon })
  }

  head(x: Tensor, taps?: Taps): Tensor {
    using h = this.headInput(x)
    taps?.linear?.([this.headWeight], h)
    return linear(h, this.#weight(this.headWeight))
  }

  blockWeights(layer: number): readonly string[] {
    const { query, key, value, output, router } = blockWeightNames(layer)
    const routers = this.config.experts === undefined ? [] : [router]
    const networks = feedForwardNames(layer, this.config).flatMap(({ gate, up, down }) => [gate, up, down])
    return [query, key, value, output, ...routers, ...networks]
  }

  get tied(): boolean {
    return this.config.tied
  }

  /** The name of the weight that makes logits: the embedding's where they are tied. */
  get headWeight(): string {
    return this.tied ? EMBEDDING : HEAD
  }

  #feedForward(layer: number, x: Tensor, taps: Taps | undefined): Tensor {
    const names = blockWeightNames(layer)
    const { epsilon, expertsPerToken: perToken } = this.config
    using h = rmsNorm(x, this.#tensor(names.feedForwardNorm), { epsilon })
    if (perToken !== undefined) {
      const experts = feedForwardNames(layer, this.config)
      const weight = (name: string) => this.#weight(name)
      using said = mixtureOfExperts(h, { router: names.router, experts, perToken, weight, taps })
      return binary('add', x, said)
    }
    taps?.linear?.([names.gate, names.up], h)
    using inner = this.device.scope(() => {
      const gate = unary('silu', linear(h, this.#weight(names.gate)))
      return binary('mul', gate, linear(h, this.#weight(names.up)))
    })
    taps?.linear?.([names.down], inner)
    return this.device.scope(() => binary('add', x, linear(inner, this.#weight(names.down))))
  }

  /** A projection of h, split into heads: (heads, tokens, headDim). */
  #heads(h: Tensor, name: string, heads: number): Tensor {
    return this.device.scope(() => splitHeads(linear(h, this.#weight(name)), heads, this.config.headDim))
  }

  #weight(name: string): Weight {
    return this.weights.get(name) as Weight
  }

  #tensor(name: string): Tensor {
    const weight = this.#weight(name)
    return isEncoded(weight) ? decode(weight) : weight
  }

  #int32(values: Int32Array): Tensor {
    return this.device.upload(new Tensor('int32', values, [values.length]))
  }
}

function consecutive(start: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => start + i)
}

function keysIn(cache: KVCache, layer: number): number {
  return cache.segments(layer).reduce((sum, { length }) => sum + length, 0)
}

/** A weight in the layout that every device reads. */
function unpacked(weight: Weight, device: Device): Weight {
  return isEncoded(weight) ? device.unpack(weight) : weight
}

function dispose(weight: Weight): void {
  for (const tensor of tensorsOf(weight)) tensor.dispose()
}

/** (tokens, heads · headDim) to (heads, tokens, headDim) */
function splitHeads(x: Tensor, heads: number, headDim: number): Tensor {
  return transpose(x.reshape([x.dims[0]!, heads, headDim]), [1, 0, 2])
}

/** (heads, tokens, headDim) to (tokens, heads · headDim) */
function joinHeads(x: Tensor): Tensor {
  const [heads, tokens, headDim] = x.dims as [number, number, number]
  return transpose(x, [1, 0, 2]).reshape([tokens, heads * headDim])
}
