import {
  type AttendOptions,
  type Attention,
  type Device,
  type KVSegment,
  type Mixer,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { attention, copy, gather } from '@tersor/core-tensor/reference'
import type { LayerCache } from '../decoder/layer.ts'

/** The keys and values of a layer while it runs. */
interface Held {
  readonly layer: number
  /** (kvHeads, tokens, headDim) */
  readonly keys: Tensor
  readonly values: Tensor
  readonly positions: Tensor
}

/**
 * Several texts that go through an encoder together, their tokens one below the other without padding: linear layers see
 * one matrix, while each token attends to all tokens of its own text and to no other. It takes the place of a cache in a
 * layer, and holds the keys of one layer at a time.
 */
export class TextBatch implements LayerCache {
  readonly #mixers: readonly Mixer[]
  /** The rows of each text, int32; none where there is one text, which needs no cutting. */
  readonly #rows: readonly Tensor[]
  readonly #lengths: readonly number[]
  readonly #tokens: number
  #held: Held | undefined

  /**
   * @param lengths  tokens of each text
   * @throws {ShapeError} unless there is a text, and none is empty
   */
  constructor(mixers: readonly Mixer[], device: Device, lengths: readonly number[]) {
    const empty = lengths.findIndex(length => !(length >= 1))
    if (lengths.length === 0 || empty >= 0) {
      throw new ShapeError(
        `[models/text-batch] expected texts of at least one token each, got ${lengths.length === 0 ? 'no text' : `none in text ${empty}`}`,
      )
    }
    this.#mixers = mixers
    this.#lengths = lengths
    let start = 0
    const rows: Tensor[] = []
    for (const length of lengths) {
      const from = start
      if (lengths.length > 1) {
        const index = Int32Array.from({ length }, (_, i) => from + i)
        rows.push(device.upload(new Tensor('int32', index, [length])))
      }
      start += length
    }
    this.#rows = rows
    this.#tokens = start
  }

  segments(layer: number): readonly KVSegment[] {
    const { keys, values, positions } = this.#heldBy(layer)
    const heads = Array.from({ length: keys.dims[0]! }, (_, head) => head)
    return [{ heads, length: this.#tokens, keys, values, positions, rotated: true, sealed: true }]
  }

  append(layer: number, keys: Tensor, values: Tensor, positions: Tensor): void {
    if (positions.size !== this.#tokens) {
      throw new ShapeError(
        `[models/text-batch] expected the ${this.#tokens} tokens of its texts, got ${positions.size}`,
      )
    }
    this.#held = { layer, keys, values, positions }
  }

  attend(layer: number, queries: Tensor, _positions: Tensor, options: AttendOptions = {}): Tensor {
    const { logWeight, mass, lse, ...rest } = options
    if (logWeight !== undefined || mass !== undefined || lse !== undefined) {
      throw new UnsupportedError(
        '[models/text-batch] masks, mass and log-sum-exp belong to one text; an encoder gives none of them',
      )
    }
    const { keys, values } = this.#heldBy(layer)
    const { scale, window, softcap } = this.#mixers[layer] as Attention
    const scoring = { scale, window, softcap, causal: false }
    if (this.#rows.length === 0) return attention(queries, keys, values, { ...rest, ...scoring })
    const { out = queries.device.empty('float32', queries.dims), ...how } = rest
    let start = 0
    for (const [i, rows] of this.#rows.entries()) {
      using query = gather(queries, rows, { axis: 1 })
      using key = gather(keys, rows, { axis: 1 })
      using value = gather(values, rows, { axis: 1 })
      using attended = attention(query, key, value, { ...how, ...scoring })
      copy(attended, { out, at: [0, start, 0] })
      start += this.#lengths[i]!
    }
    return out
  }

  state(layer: number): never {
    throw stateful(layer)
  }

  keep(layer: number): never {
    throw stateful(layer)
  }

  dispose(): void {
    for (const rows of this.#rows) rows.dispose()
    this.#held = undefined
  }

  #heldBy(layer: number): Held {
    if (this.#held?.layer === layer) return this.#held
    throw new ShapeError(`[models/text-batch] expected the layer whose keys were appended last, got ${layer}`)
  }
}

function stateful(layer: number): UnsupportedError {
  return new UnsupportedError(
    `[models/text-batch] expected a layer that attends, got one with a state in layer ${layer}`,
  )
}
