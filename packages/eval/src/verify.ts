import {
  type Device,
  DeviceError,
  decode,
  type Encoded,
  isEncoded,
  type JobOptions,
  type LayeredLM,
  linear,
  Rng,
  reference,
  ShapeError,
  Tensor,
  toFloat32,
  transfer,
} from '@tersor/core-tensor'
import { type Agreement, agreement } from './agreement.ts'

export interface VerifyOptions extends JobOptions {
  /** What a model reads; eight tokens drawn with a fixed seed by default. */
  tokens?: Int32Array | undefined
  /** A layer diverges below this cosine; 0.99999 by default. */
  minCosine?: number | undefined
  /** A layer diverges above this error in units in the last place; 2^14 by default, 2^-9 relative. */
  maxUlp?: number | undefined
}

export interface LayerAgreement extends Agreement {
  /** `embed`, `block 0`, …, `head`; or the name of a weight. */
  readonly layer: string
  readonly diverges: boolean
}

/** What one device makes of the same numbers. */
export interface Verification {
  readonly device: Device
  readonly layers: readonly LayerAgreement[]
  /** The first layer that diverges. */
  readonly firstDivergence: LayerAgreement | undefined
}

type Weights = ReadonlyMap<string, Tensor | Encoded>

/**
 * Runs a model, or weights alone, through several devices and compares each layer with what the
 * subject's own device (usually the reference) computes. Every layer gets the subject's input, so an
 * error shows where it is made and not in all layers after it.
 *
 * Weights are compared as they are used: packed for the device, matrices multiplied with one and
 * with nine random rows, everything else decoded.
 *
 * @param subject  a model, or weights by name; left as it is
 * @param devices  host devices or remote ones
 * @throws {DeviceError} when no device is given
 * @throws {ShapeError} when a model is given no tokens
 * @example
 * const weights = new Map([['eye', new Tensor('float32', [1, 0, 0, 1], [2, 2])]])
 * const [same] = await verify(weights, [reference])
 * same?.layers.map(({ layer, maxUlp }) => `${layer} ${maxUlp}`) // => ['eye 0', 'eye, 9 rows 0']
 */
export async function verify(
  subject: LayeredLM | Weights,
  devices: readonly Device[],
  options: VerifyOptions = {},
): Promise<Verification[]> {
  if (devices.length === 0) throw new DeviceError('[eval/verify] expected at least one device, got none')
  const results: Verification[] = []
  for (const [i, device] of devices.entries()) {
    options.signal?.throwIfAborted()
    const layers: LayerAgreement[] = []
    const steps =
      subject instanceof Map
        ? weightSteps(subject, device)
        : modelSteps(subject as LayeredLM, device, options)
    for await (const [layer, expected, actual] of steps) {
      const { maxUlp, cosine } = agreement(expected, actual)
      const diverges = !(cosine >= (options.minCosine ?? 0.99999) && maxUlp <= (options.maxUlp ?? 2 ** 14))
      layers.push({ layer, maxUlp, cosine, diverges })
    }
    results.push({ device, layers, firstDivergence: layers.find(({ diverges }) => diverges) })
    options.onProgress?.(i + 1, devices.length)
  }
  return results
}

type Numbers = ArrayLike<number>
type Step = readonly [layer: string, expected: Numbers, actual: Numbers]

async function* modelSteps(model: LayeredLM, device: Device, options: VerifyOptions): AsyncGenerator<Step> {
  const { vocabSize, mixers } = model.config
  const rng = new Rng(1)
  const tokens = options.tokens ?? Int32Array.from({ length: 8 }, () => rng.integer(vocabSize))
  if (tokens.length === 0) throw new ShapeError('[eval/verify] expected at least one token, got none')
  const other = await model.to(device, { keep: true })
  const { length } = tokens
  const [cache, otherCache] = [model.createCache({ length }), other.createCache({ length })]
  let x = model.embed(tokens)
  yield ['embed', await numbers(x), await numbers(other.embed(tokens))]
  for (let layer = 0; layer < mixers.length; layer++) {
    options.signal?.throwIfAborted()
    const y = model.block(layer, x, { cache, tokens })
    const input = await x.to(device)
    yield [
      `block ${layer}`,
      await numbers(y),
      await numbers(other.block(layer, input, { cache: otherCache, tokens })),
    ]
    x = y
  }
  yield ['head', await numbers(model.head(x)), await numbers(other.head(await x.to(device)))]
}

async function* weightSteps(weights: Weights, device: Device): AsyncGenerator<Step> {
  for (const [name, weight] of weights) {
    const moved = await transfer(weight, device)
    const other = isEncoded(moved) ? device.pack(moved) : moved
    if (weight.dims.length !== 2) {
      yield [name, await numbers(decode(weight)), await numbers(decode(other))]
      continue
    }
    const rng = new Rng(1)
    const values = Float32Array.from({ length: 9 * weight.dims[1]! }, () => rng.normal())
    const x = new Tensor('float32', values, [9, weight.dims[1]!])
    const [here, there] = [await x.to(homeOf(weight)), await x.to(device)]
    for (const rows of [1, 9]) {
      const expected = linear(here.rows(0, rows), weight)
      const actual = linear(there.rows(0, rows), other)
      yield [rows === 1 ? name : `${name}, ${rows} rows`, await numbers(expected), await numbers(actual)]
    }
  }
}

/** The device that a weight is on; hadamard, which holds no tensors, is nowhere and computes on the reference. */
function homeOf(weight: Tensor | Encoded): Device {
  if (!isEncoded(weight)) return weight.device
  const [first] = Object.values(weight.parts)
  return first === undefined ? reference : homeOf(first)
}

/** The elements of a float tensor, as float32. */
async function numbers(x: Tensor): Promise<Numbers> {
  const data = await x.read()
  return toFloat32({ type: x.type, dims: x.dims, data })
}
