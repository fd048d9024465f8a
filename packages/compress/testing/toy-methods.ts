import {
  decode,
  dense,
  denseEncoding,
  type Encoded,
  isEncoded,
  ShapeError,
  scaled,
  scaledEncoding,
  Tensor,
  toFloat32,
  toFloat64,
  type WeightMethod,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'

const floats = (weight: Tensor | Encoded) => toFloat32(isEncoded(weight) ? decode(weight) : weight)

/** Data-free and exact in its plan: half precision. */
export const halfMethod: WeightMethod = {
  name: 'half',
  version: 1,
  summary: 'Half precision.',
  needs: [],
  kinds: [denseEncoding],
  options: {},
  plan: ({ dims }) => {
    const elements = dims.reduce((a, b) => a * b, 1)
    return { bytes: 2 * elements + 2, exact: true, peak: 8 * elements }
  },
  apply: weight => dense(cast(new Tensor('float32', floats(weight), weight.dims), 'float16')),
}

interface BytesOptions {
  noise?: number
  columns?: number
}

/** Rounds to bytes with a scale for each row, after noise that its generator draws. */
export const bytesMethod: WeightMethod<BytesOptions> = {
  name: 'bytes',
  version: 1,
  summary: 'Bytes with a scale for each row.',
  needs: [],
  kinds: [denseEncoding, scaledEncoding],
  options: {
    noise: { is: 'number', min: 0, max: 1, default: 0.1, help: 'of a step, before rounding' },
    columns: { is: 'whole', min: 0, max: 2 ** 31, default: 0, help: 'that a weight has to have; any for 0' },
  },
  label: ({ noise }) => `${noise} noise`,
  apply(weight, { noise, columns }, { rng, name }) {
    const [rows, width] = weight.dims as [number, number]
    if (columns !== 0 && columns !== width)
      throw new ShapeError(`[toy/bytes] expected ${columns} columns in ${name}, got ${width}`)
    const numbers = floats(weight)
    const scales = new Float32Array(rows)
    const codes = Int8Array.from(numbers, (value, i) => {
      const row = Math.floor(i / width)
      if (i % width === 0) {
        const most = numbers.subarray(i, i + width).reduce((max, x) => Math.max(max, Math.abs(x)), 0)
        scales[row] = most / 127 || 1
      }
      const drawn = noise * (rng.uniform() - 0.5)
      return Math.max(-127, Math.min(127, Math.round(value / scales[row]! + drawn)))
    })
    return scaled(dense(new Tensor('int8', codes, weight.dims)), new Tensor('float32', scales, [rows]), 0)
  },
}

/** Calibrated: every column is rounded in steps that the energy of its inputs decides. */
export const energyMethod: WeightMethod = {
  name: 'energy',
  version: 3,
  summary: 'Bytes, finer where inputs are large.',
  needs: ['gram'],
  kinds: [denseEncoding, scaledEncoding],
  options: {},
  apply(weight, _, { statistics }) {
    const gram = toFloat64(statistics.gram!)
    const [rows, width] = weight.dims as [number, number]
    const steps = Float32Array.from(
      { length: width },
      (_, j) => 1 / (64 * (1 + Math.sqrt(gram[j * width + j]!))),
    )
    const codes = Int8Array.from(floats(weight), (value, i) =>
      Math.max(-127, Math.min(127, Math.round(value / steps[i % width]!))),
    )
    return scaled(dense(new Tensor('int8', codes, [rows, width])), new Tensor('float32', steps, [width]), 1)
  },
}

/** Improves on another method: adds a tenth of what is missing, in half precision. */
export const towardsMethod: WeightMethod = {
  name: 'towards',
  version: 1,
  summary: 'Some of what the step before lost.',
  needs: ['start'],
  kinds: [denseEncoding],
  options: {},
  apply(weight, _, { original }) {
    const target = floats(original)
    const better = floats(weight).map((value, i) => value + 0.1 * (target[i]! - value))
    return dense(cast(new Tensor('float32', better, weight.dims), 'float16'))
  },
}

export const toyMethods: readonly WeightMethod[] = [
  halfMethod,
  bytesMethod as WeightMethod,
  energyMethod,
  towardsMethod,
]
