import {
  type Device,
  decode,
  type Encoded,
  isEncoded,
  type LinearOptions,
  linear,
  ShapeError,
  sameDims,
  Tensor,
} from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import { binary, layerNorm, rmsNorm } from '@tersor/core-tensor/reference'
import type { DecoderConfig } from './config.ts'
import { biasOf, biasShapes, weightShapes } from './roles.ts'

export type Weight = Tensor | Encoded

/** The weights of a model by their roles, and what is computed with one of them alone. */
export class ModelWeights {
  readonly all: ReadonlyMap<string, Weight>
  readonly device: Device
  readonly #norm: DecoderConfig['norm']
  /** Weights of norms as they multiply, where files store their distance from 1. */
  readonly #gains = new Map<string, Tensor>()

  /** @throws {ShapeError} when a weight is missing, has another shape, or belongs to another configuration */
  constructor(config: DecoderConfig, all: ReadonlyMap<string, Weight>, device: Device) {
    const [needed, biases] = [weightShapes(config), biasShapes(config)]
    for (const [name, dims] of needed) {
      const weight = all.get(name)
      if (weight === undefined)
        throw new ShapeError(`[models/decoder] expected a weight '${name}' [${dims}], got none`)
    }
    for (const [name, weight] of all) {
      const dims = needed.get(name) ?? biases.get(name)
      if (dims === undefined) {
        throw new ShapeError(
          `[models/decoder] expected weights that the configuration asks for, got '${name}' [${weight.dims}]`,
        )
      }
      if (!sameDims(weight.dims, dims)) {
        throw new ShapeError(
          `[models/decoder] expected '${name}' to be [${dims}] as the configuration says, got [${weight.dims}]`,
        )
      }
    }
    this.#norm = config.norm
    this.all = all
    this.device = device
    if (config.norm.offset !== undefined) this.#addOffsets()
  }

  has(role: string): boolean {
    return this.all.has(role)
  }

  get(role: string): Weight {
    return this.all.get(role)!
  }

  /** A weight as a tensor; decoded where it is not one. */
  tensor(role: string): Tensor {
    const weight = this.get(role)
    return isEncoded(weight) ? decode(weight) : weight
  }

  /** x times a weight, and its bias where it has one. */
  linear(x: Tensor, role: string, options: LinearOptions = {}): Tensor {
    const product = linear(x, this.get(role), options)
    const bias = biasOf(role)
    return this.has(bias) ? binary('add', product, this.tensor(bias), { out: product }) : product
  }

  /** The norm of the model with the weight of a role, over the last axis. */
  norm(x: Tensor, role: string): Tensor {
    const { kind, epsilon } = this.#norm
    const gain = this.#gain(role)
    if (kind === 'rms') return rmsNorm(x, gain, { epsilon })
    const bias = this.has(biasOf(role)) ? this.tensor(biasOf(role)) : undefined
    return layerNorm(x, gain, { epsilon, bias })
  }

  dispose(): void {
    for (const weight of this.all.values()) for (const tensor of tensorsOf(weight)) tensor.dispose()
    for (const gain of this.#gains.values()) gain.dispose()
    this.#gains.clear()
  }

  #gain(role: string): Tensor {
    return this.#gains.get(role) ?? this.tensor(role)
  }

  /** Done at once and not when a norm is first used, as that may be in a scope. */
  #addOffsets(): void {
    using one = this.device.upload(new Tensor('float32', [1], [1]))
    for (const role of this.all.keys())
      if (OFFSET.test(role)) this.#gains.set(role, binary('add', this.tensor(role), one))
  }
}

/** The norms whose weights are stored as distances from 1 where a model's are. */
const OFFSET = /^norm$|\.(before|after|sum|queryNorm|keyNorm)$/
