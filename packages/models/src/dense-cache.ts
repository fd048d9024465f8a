import {
  type AttentionOptions,
  type Device,
  type KVCache,
  type KVSegment,
  type LMConfig,
  type RopeLayout,
  ShapeError,
  Tensor,
} from '@tersor/core-tensor'
import { exp, log } from '@tersor/core-tensor/portable-math'
import { attention, binary, copy, gather, mergeAttention, rope } from '@tersor/core-tensor/reference'

export interface DenseCacheOptions {
  /** Which elements of a head are rotated together; `half` by default. */
  ropeLayout?: RopeLayout | undefined
  /** Tokens that a segment has room for when it is made; it doubles when full. */
  capacity?: number | undefined
}

/** A run of tokens of one layer. Sealed once a fork shares it: then only its length may be cut, in a copy. */
interface DenseSegment {
  /** (kvHeads, capacity, headDim), rotated */
  keys: Tensor
  /** (kvHeads, capacity, headDim) */
  values: Tensor
  /** (capacity) int32 */
  positions: Tensor
  length: number
  /** How many caches hold these tensors. */
  owners: { count: number }
}

/**
 * Keys and values as float32, appended in place: the cache that compresses nothing. Keys are
 * rotated as they enter; a fork shares what is there and grows on its own.
 *
 * @example
 * const cache = new DenseCache({ layers: 1, heads: 1, kvHeads: 1, headDim: 2, vocabSize: 4, contextLength: 8, ropeBase: 10000 }, reference)
 * const token = new Tensor('float32', [1, 0], [1, 1, 2])
 * cache.append(0, token, token, new Tensor('int32', [0], [1]))
 * cache.length // => 1
 */
export class DenseCache implements KVCache {
  readonly #config: LMConfig
  readonly #device: Device
  readonly #layout: RopeLayout
  readonly #capacity: number
  readonly #frequencies: Tensor
  #layers: DenseSegment[][]

  constructor(
    config: LMConfig,
    device: Device,
    { ropeLayout = 'half', capacity = 64 }: DenseCacheOptions = {},
  ) {
    this.#config = config
    this.#device = device
    this.#layout = ropeLayout
    this.#capacity = capacity
    this.#frequencies = device.upload(ropeFrequencies(config.headDim, config.ropeBase))
    this.#layers = Array.from({ length: config.layers }, () => [])
  }

  get length(): number {
    return Math.max(0, ...this.#layers.map(tokensOf))
  }

  get byteLength(): number {
    const segments = this.#layers.flat()
    return segments.reduce(
      (sum, { keys, values, positions }) => sum + keys.byteLength + values.byteLength + positions.byteLength,
      0,
    )
  }

  segments(layer: number): readonly KVSegment[] {
    const heads = Array.from({ length: this.#config.kvHeads }, (_, head) => head)
    return this.#layer(layer).map(({ keys, values, positions, length, owners }) => ({
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
    const { kvHeads, headDim } = this.#config
    const count = positions.size
    const fits = [keys, values].every(
      ({ dims }) => dims.length === 3 && dims[0] === kvHeads && dims[1] === count && dims[2] === headDim,
    )
    if (!fits) {
      throw new ShapeError(
        `[models/dense-cache] expected keys and values (${kvHeads}, ${count}, ${headDim}), got [${keys.dims}] and [${values.dims}]`,
      )
    }
    const tail = this.#tail(layer, count)
    const rotated = rope(keys, { positions, frequencies: this.#frequencies, layout: this.#layout })
    copy(rotated, { out: tail.keys, at: [0, tail.length, 0] })
    copy(values, { out: tail.values, at: [0, tail.length, 0] })
    copy(positions, { out: tail.positions, at: [tail.length] })
    rotated.dispose()
    tail.length += count
  }

  attend(layer: number, queries: Tensor, positions: Tensor, options: AttentionOptions): Tensor {
    if (options.mass !== undefined) this.#compact(layer)
    using rotated = rope(queries, { positions, frequencies: this.#frequencies, layout: this.#layout })
    const segments = this.#layer(layer)
    const [only] = segments
    if (only === undefined || segments.length > 1) return this.#attendSegments(segments, rotated, options)
    return this.#device.scope(() => {
      const { mass, logWeight, ...rest } = options
      const room =
        mass === undefined ? undefined : this.#device.empty('float32', [mass.dims[0]!, only.positions.size])
      const result = attention(rotated, only.keys, only.values, {
        ...rest,
        length: only.length,
        logWeight: logWeight && columns(logWeight, 0, only),
        mass: room,
      })
      if (mass !== undefined && room !== undefined) addColumns(room, mass)
      return result
    })
  }

  async maintain(): Promise<void> {}

  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.length) {
      throw new ShapeError(`[models/dense-cache] expected to keep 0 to ${this.length} tokens, got ${length}`)
    }
    this.#layers = this.#layers.map(segments => {
      let left = length
      const kept: DenseSegment[] = []
      for (const segment of segments) {
        if (left > 0) kept.push({ ...segment, length: Math.min(segment.length, left) })
        else release(segment)
        left -= Math.min(segment.length, left)
      }
      return kept
    })
  }

  fork(): DenseCache {
    const twin = new DenseCache(this.#config, this.#device, {
      ropeLayout: this.#layout,
      capacity: this.#capacity,
    })
    twin.#layers = this.#layers.map(segments =>
      segments.map(segment => {
        segment.owners.count++
        return { ...segment }
      }),
    )
    return twin
  }

  dispose(): void {
    for (const segment of this.#layers.flat()) release(segment)
    this.#layers = this.#layers.map(() => [])
    this.#frequencies.dispose()
  }

  #layer(layer: number): DenseSegment[] {
    const segments = this.#layers[layer]
    if (segments === undefined)
      throw new ShapeError(
        `[models/dense-cache] expected a layer from 0 to ${this.#layers.length - 1}, got ${layer}`,
      )
    return segments
  }

  /** The segment of a layer that grows, with room for `count` more tokens. */
  #tail(layer: number, count: number): DenseSegment {
    const segments = this.#layer(layer)
    const last = segments.at(-1)
    if (last === undefined || last.owners.count > 1) {
      const made = this.#segment(Math.max(this.#capacity, count))
      segments.push(made)
      return made
    }
    const capacity = last.positions.size
    if (last.length + count <= capacity) return last
    const larger = this.#segment(Math.max(2 * capacity, last.length + count))
    this.#move(last, larger)
    release(last)
    segments[segments.length - 1] = larger
    return larger
  }

  #segment(capacity: number): DenseSegment {
    const { kvHeads, headDim } = this.#config
    return {
      keys: this.#device.empty('float32', [kvHeads, capacity, headDim]),
      values: this.#device.empty('float32', [kvHeads, capacity, headDim]),
      positions: this.#device.empty('int32', [capacity]),
      length: 0,
      owners: { count: 1 },
    }
  }

  /** Appends the tokens of one segment to another, head by head because their capacities differ. */
  #move(from: DenseSegment, to: DenseSegment): void {
    const { headDim } = this.#config
    for (const [source, target] of [
      [from.keys, to.keys],
      [from.values, to.values],
    ] as const) {
      for (let head = 0; head < this.#config.kvHeads; head++) {
        const tokens = source
          .rows(head, head + 1)
          .reshape([source.dims[1]!, headDim])
          .rows(0, from.length)
        copy(tokens.reshape([1, from.length, headDim]), { out: target, at: [head, to.length, 0] })
      }
    }
    copy(from.positions.rows(0, from.length), { out: to.positions, at: [to.length] })
    to.length += from.length
  }

  /** Joins the segments of a layer into one that this cache alone holds. */
  #compact(layer: number): void {
    const segments = this.#layer(layer)
    if (segments.length < 2) return
    const whole = this.#segment(tokensOf(segments))
    for (const segment of segments) {
      this.#move(segment, whole)
      release(segment)
    }
    this.#layers[layer] = [whole]
  }

  /** The newest tokens, the queries' own, lie in the last segment; every earlier one is seen whole. */
  #attendSegments(segments: readonly DenseSegment[], queries: Tensor, options: AttentionOptions): Tensor {
    const [heads, count] = queries.dims as [number, number]
    const { logWeight, out, lse: _, ...rest } = options
    let seen = 0
    const parts = segments.map((segment, i) => {
      const lse = this.#device.empty('float32', [heads, count])
      const bias = logWeight && columns(logWeight, seen, segment)
      seen += segment.length
      const causal = rest.causal === true && i === segments.length - 1
      const o = attention(queries, segment.keys, segment.values, {
        ...rest,
        logWeight: bias,
        causal,
        length: segment.length,
        lse,
      })
      return { heads: Array.from({ length: heads }, (_, head) => head), o, lse }
    })
    return mergeAttention(parts, { out })
  }
}

/**
 * The angles per position of each pair of a head: base^(−2i / headDim), (headDim / 2) float64.
 *
 * @example
 * ropeFrequencies(4, 10000).data[1] // => ≈ 0.01000
 */
export function ropeFrequencies(headDim: number, base: number): Tensor {
  const values = Float64Array.from({ length: headDim / 2 }, (_, i) => exp((-2 * i * log(base)) / headDim))
  return new Tensor('float64', values, [headDim / 2])
}

function tokensOf(segments: readonly DenseSegment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0)
}

function release({ keys, values, positions, owners }: DenseSegment): void {
  if (--owners.count > 0) return
  for (const tensor of [keys, values, positions]) tensor.dispose()
}

/** mass ← mass + the columns of `room` that are in use. */
function addColumns(room: Tensor, mass: Tensor): void {
  const index = Int32Array.from({ length: mass.dims[1]! }, (_, i) => i)
  const used = gather(room, room.device.upload(new Tensor('int32', index, [index.length])), { axis: 1 })
  binary('add', mass, used, { out: mass })
}

/** The log-weights of one segment, (kvHeads, capacity); room that is not in use repeats the last token. */
function columns(logWeight: Tensor, start: number, { length, positions }: DenseSegment): Tensor {
  const index = Int32Array.from({ length: positions.size }, (_, i) => start + Math.min(i, length - 1))
  return gather(logWeight, logWeight.device.upload(new Tensor('int32', index, [index.length])), { axis: 1 })
}
