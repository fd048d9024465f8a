import {
  type AttendOptions,
  type Attention,
  type AttentionOptions,
  type CacheOptions,
  type Device,
  type KVCache,
  type KVSegment,
  type Mixer,
  type MixerState,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { binary, copy, rope } from '@tersor/core-tensor/reference'
import { frequenciesFor } from '../decoder/rope.ts'
import { alibiBias } from './alibi.ts'
import { attendSegments } from './attend-segments.ts'
import {
  type DenseSegment,
  emptySegment,
  joinSegments,
  moveTokens,
  releaseSegment,
  tokensOf,
} from './dense-segment.ts'

export interface DenseCacheOptions extends CacheOptions {
  /** Tokens that a segment has room for when it is made; it doubles when full. */
  capacity?: number | undefined
}

/** What one layer holds. */
interface Layer {
  segments: DenseSegment[]
  /** Tokens seen, those that left a window among them. */
  seen: number
  state: MixerState | undefined
}

/**
 * Keys and values as float32, appended in place: the cache that compresses nothing. Keys are
 * rotated as they enter; a fork shares what is there and grows on its own. Of a layer with a window, what no later query
 * can see is dropped in {@link DenseCache.maintain}.
 *
 * @example
 * const cache = new DenseCache([{ kind: 'attention', heads: 1, kvHeads: 1, headDim: 2, scale: 1 }], reference)
 * const token = new Tensor('float32', [1, 0], [1, 1, 2])
 * cache.append(0, token, token, new Tensor('int32', [0], [1]))
 * cache.length // => 1
 */
export class DenseCache implements KVCache {
  readonly #mixers: readonly Mixer[]
  readonly #device: Device
  readonly #options: DenseCacheOptions
  /** Of each layer, shared by layers that turn alike; undefined where nothing turns. */
  readonly #frequencies: readonly (Tensor | undefined)[]
  #layers: Layer[]

  /**
   * @param mixers  what mixes tokens, layer by layer
   * @param options.length  the tokens that it will hold at most, which decides the rotation of some models
   */
  constructor(mixers: readonly Mixer[], device: Device, options: DenseCacheOptions = {}) {
    this.#mixers = mixers
    this.#device = device
    this.#options = options
    this.#frequencies = frequencyTensors(mixers, device, options.length)
    this.#layers = mixers.map(() => ({ segments: [], seen: 0, state: undefined }))
  }

  get length(): number {
    return Math.max(0, ...this.#layers.map(({ seen }) => seen))
  }

  get byteLength(): number {
    const segments = this.#layers.flatMap(({ segments }) => segments)
    const states = this.#layers.flatMap(({ state }) => Object.values(state ?? {}))
    const held = segments.flatMap(({ keys, values, positions }) => [keys, values, positions])
    return [...held, ...states].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  segments(layer: number): readonly KVSegment[] {
    const { kvHeads } = this.#attention(layer)
    const heads = Array.from({ length: kvHeads }, (_, head) => head)
    return this.#holder(layer).segments.map(({ keys, values, positions, length, owners }) => ({
      heads,
      length,
      keys,
      values,
      positions,
      rotated: true,
      sealed: owners.count > 1,
    }))
  }

  append(layer: number, keys: Tensor, values: Tensor, positions: Tensor): void {
    const { kvHeads, headDim, keysOf } = this.#attention(layer)
    const count = positions.size
    const fits = [keys, values].every(
      ({ dims }) => dims.length === 3 && dims[0] === kvHeads && dims[1] === count && dims[2] === headDim,
    )
    if (!fits || keysOf !== undefined) {
      throw new ShapeError(
        `[models/dense-cache] expected keys and values (${kvHeads}, ${count}, ${headDim}) of a layer with its own, got [${keys.dims}] and [${values.dims}] in layer ${layer}`,
      )
    }
    this.#requireRoom(layer, count)
    const held = this.#layer(layer)
    const tail = this.#tail(held, count, [kvHeads, headDim])
    using rotated = this.#rotate(layer, keys, positions)
    copy(rotated ?? keys, { out: tail.keys, at: [0, tail.length, 0] })
    copy(values, { out: tail.values, at: [0, tail.length, 0] })
    copy(positions, { out: tail.positions, at: [tail.length] })
    tail.length += count
    held.seen += count
  }

  attend(layer: number, queries: Tensor, positions: Tensor, options: AttendOptions = {}): Tensor {
    const mixer = this.#attention(layer)
    const held = this.#holder(layer)
    // A window counts from the end of all keys, and mass and log-sum-exps run over all of them.
    if (mixer.window !== undefined || options.mass !== undefined || options.lse !== undefined)
      held.segments = joinSegments(held.segments)
    using rotated = this.#rotate(layer, queries, positions)
    const turned = rotated ?? queries
    using bias = mixer.alibi === true ? this.#bias(mixer, held) : undefined
    using joined =
      bias !== undefined && options.logWeight !== undefined
        ? binary('add', bias, options.logWeight)
        : undefined
    const logWeight = joined ?? bias ?? options.logWeight
    return attendSegments(turned, held.segments, { ...options, ...scoring(mixer), logWeight })
  }

  state(layer: number): MixerState | undefined {
    return this.#layer(layer).state
  }

  keep(layer: number, state: MixerState, tokens: number): void {
    const held = this.#layer(layer)
    for (const tensor of Object.values(held.state ?? {})) tensor.dispose()
    held.state = state
    held.seen += tokens
  }

  /** Drops what lies outside of windows, once it is as much as what lies inside. */
  async maintain(): Promise<void> {
    for (const [layer, held] of this.#layers.entries()) {
      const mixer = this.#mixers[layer]!
      if (mixer.kind !== 'attention' || mixer.window === undefined) continue
      const visible = mixer.window - 1
      if (tokensOf(held.segments) < 2 * visible + 1) continue
      const [whole] = joinSegments(held.segments) as [DenseSegment]
      const kept = emptySegment(this.#device, Math.max(2 * mixer.window, this.#capacity), [
        mixer.kvHeads,
        mixer.headDim,
      ])
      moveTokens(whole, kept, whole.length - visible)
      releaseSegment(whole)
      held.segments = [kept]
    }
  }

  get shortest(): number {
    return Math.max(0, ...this.#layers.map((held, layer) => this.#shortestOf(held, layer)))
  }

  truncate(length: number): void {
    const { shortest } = this
    // Nothing at all is a beginning, which every mixer knows.
    if (!Number.isInteger(length) || length > this.length || (length < shortest && length !== 0)) {
      throw new ShapeError(
        `[models/dense-cache] expected to keep ${shortest} to ${this.length} tokens, got ${length}`,
      )
    }
    for (const held of this.#layers) {
      if (held.state !== undefined && length === 0) {
        for (const tensor of Object.values(held.state)) tensor.dispose()
        held.state = undefined
      }
      let left = length === 0 ? 0 : tokensOf(held.segments) - (held.seen - length)
      const kept: DenseSegment[] = []
      for (const segment of held.segments) {
        if (left > 0) kept.push({ ...segment, length: Math.min(segment.length, left) })
        else releaseSegment(segment)
        left -= Math.min(segment.length, left)
      }
      held.segments = kept
      held.seen = Math.min(held.seen, length)
    }
  }

  fork(): DenseCache {
    const twin = new DenseCache(this.#mixers, this.#device, this.#options)
    twin.#layers = this.#layers.map(({ segments, seen, state }) => ({
      segments: segments.map(segment => {
        segment.owners.count++
        return { ...segment }
      }),
      seen,
      state: state && copyOf(state),
    }))
    return twin
  }

  dispose(): void {
    for (const { segments, state } of this.#layers) {
      for (const segment of segments) releaseSegment(segment)
      for (const tensor of Object.values(state ?? {})) tensor.dispose()
    }
    this.#layers = this.#layers.map(() => ({ segments: [], seen: 0, state: undefined }))
    for (const frequencies of this.#frequencies) frequencies?.dispose()
  }

  get #capacity(): number {
    return this.#options.capacity ?? 64
  }

  #layer(layer: number): Layer {
    const held = this.#layers[layer]
    if (held === undefined)
      throw new ShapeError(
        `[models/dense-cache] expected a layer from 0 to ${this.#layers.length - 1}, got ${layer}`,
      )
    return held
  }

  /** The layer that holds the keys which a layer reads. */
  #holder(layer: number): Layer {
    return this.#layer(this.#attention(layer).keysOf ?? layer)
  }

  #attention(layer: number): Attention {
    this.#layer(layer)
    const mixer = this.#mixers[layer]!
    if (mixer.kind === 'attention') return mixer
    throw new UnsupportedError(
      `[models/dense-cache] expected a layer with keys and values, got a ${mixer.kind} in layer ${layer}`,
    )
  }

  #shortestOf({ segments, seen, state }: Layer, layer: number): number {
    if (state !== undefined) return seen
    const mixer = this.#mixers[layer]!
    const dropped = seen - tokensOf(segments)
    return dropped === 0 || mixer.kind !== 'attention' ? dropped : dropped + (mixer.window ?? 1) - 1
  }

  /** Past its length, a cache of a model whose rotation depends on it would be wrong from the first token on. */
  #requireRoom(layer: number, count: number): void {
    const beyond = this.#attention(layer).rope?.beyond
    if (beyond === undefined) return
    const most = Math.max(this.#options.length ?? 0, beyond.length)
    const length = this.#layer(layer).seen + count
    if (length > most) {
      throw new ShapeError(
        `[models/dense-cache] expected at most ${most} tokens, as the rotation of this model depends on their number, got ${length}; make the cache with { length: ${length} } or more`,
      )
    }
  }

  /** Queries or keys, turned; undefined where the layer turns nothing. */
  #rotate(layer: number, x: Tensor, positions: Tensor): Tensor | undefined {
    const frequencies = this.#frequencies[layer]
    if (frequencies === undefined) return undefined
    const { layout, scale } = this.#attention(layer).rope!
    return rope(x, { positions, frequencies, layout, scale })
  }

  #bias({ heads }: Attention, { segments }: Layer): Tensor {
    return alibiBias(
      heads,
      segments.map(({ positions, length }) => positions.rows(0, length)),
    )
  }

  /** The segment of a layer that grows, with room for `count` more tokens. */
  #tail(held: Layer, count: number, width: readonly [kvHeads: number, headDim: number]): DenseSegment {
    const last = held.segments.at(-1)
    if (last === undefined || last.owners.count > 1) {
      const made = emptySegment(this.#device, Math.max(this.#capacity, count), width)
      held.segments.push(made)
      return made
    }
    const capacity = last.positions.size
    if (last.length + count <= capacity) return last
    const larger = emptySegment(this.#device, Math.max(2 * capacity, last.length + count), width)
    moveTokens(last, larger)
    releaseSegment(last)
    held.segments[held.segments.length - 1] = larger
    return larger
  }
}

/** What of a layer decides its scores. */
function scoring({ scale, window, softcap, bidirectional }: Attention): AttentionOptions {
  return { scale, window, softcap, causal: bidirectional !== true }
}

/** Of each layer; layers that turn alike share one. */
function frequencyTensors(
  mixers: readonly Mixer[],
  device: Device,
  length: number | undefined,
): (Tensor | undefined)[] {
  const known = new Map<string, Tensor>()
  return mixers.map(mixer => {
    if (mixer.kind !== 'attention' || mixer.rope === undefined) return undefined
    const turns = frequenciesFor(mixer.rope, length ?? 0)
    const key = turns.join()
    const found = known.get(key)
    if (found !== undefined) return found
    const made = device.upload(new Tensor('float64', Float64Array.from(turns), [turns.length]))
    known.set(key, made)
    return made
  })
}

function copyOf(state: MixerState): MixerState {
  const made: Record<string, Tensor> = {}
  for (const [name, tensor] of Object.entries(state)) {
    const twin = tensor.device.empty(tensor.type, tensor.dims)
    copy(tensor, { out: twin, at: tensor.dims.map(() => 0) })
    made[name] = twin
  }
  return made
}
