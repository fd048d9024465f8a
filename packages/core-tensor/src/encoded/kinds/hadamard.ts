import type { Device } from '../../device/device.ts'
import { cast } from '../../reference/cast.ts'
import { hadamard as transform } from '../../reference/hadamard.ts'
import { Rng } from '../../rng.ts'
import { reference, Tensor } from '../../tensor/tensor.ts'
import {
  type DecodeOptions,
  deviceOf,
  type Encoded,
  type Encoding,
  encoded,
  type LinearOptions,
} from '../encoded.ts'
import { decoded, malformed, metaInteger, requireFloats, rowRange } from '../parts.ts'

/** Larger rotations than any model has; a bound for files, whose dims could ask for any amount of memory. */
export const MAX_HADAMARD_SIZE = 0x10_0000

/**
 * A randomised orthogonal rotation Q = H·diag(signs)/√block, made of its seed alone: it takes no bytes.
 * linear(x, Q) = x·Qᵀ mixes each block of the largest power of two that divides `size`.
 *
 * @param options.size  rows and columns, at most {@link MAX_HADAMARD_SIZE}
 * @param options.seed  of the signs, a whole number below 2^32
 * @throws {FormatError} when size or seed are out of range
 * @example
 * byteLength(hadamard({ size: 4096, seed: 1 })) // => 10
 */
export function hadamard({ size, seed }: { size: number; seed: number }): Encoded {
  return encoded(hadamardEncoding, 'float32', [size, size], {}, { seed })
}

/** The kind of {@link hadamard}. */
export const hadamardEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'hadamard',
  check: checkHadamard,
  decode: decodeHadamard,
  linear: linearHadamard,
})

function checkHadamard(e: Encoded): void {
  requireFloats(e, [])
  metaInteger(e, 'seed', 0, 2 ** 32 - 1)
  const [size = 0, width] = e.dims
  if (e.dims.length !== 2 || size !== width || size > MAX_HADAMARD_SIZE)
    throw malformed(e, `expected [n, n] up to ${MAX_HADAMARD_SIZE}`)
}

/** Drawing them takes longer than a product with them, and a rotation is one for as long as its weight. */
const drawn = /* @__PURE__ */ new WeakMap<Encoded, Tensor>()

function signs(e: Encoded, device: Device): Tensor {
  let values = drawn.get(e)
  if (values === undefined) {
    const rng = new Rng(e.meta.seed as number)
    const length = e.dims[0]!
    const data = Float32Array.from({ length }, () => (rng.uint32() & 1 ? 1 : -1))
    values = new Tensor('float32', data, [length])
    drawn.set(e, values)
  }
  return device === reference ? values : device.upload(values)
}

function decodeHadamard(e: Encoded, options: DecodeOptions = {}): Tensor {
  const [start, end] = rowRange(e, options)
  const size = e.dims[0]!
  const device = deviceOf(e, options)
  // Row i of Q is eᵢ·H·diag(signs)/√block: the inverse transform, which flips the signs last.
  const unit = reference.empty('float32', [end - start, size])
  for (let i = start; i < end; i++) unit.data[(i - start) * size + i] = 1
  return decoded(e, transform(device.upload(unit), { signs: signs(e, device), inverse: true }), options)
}

function linearHadamard(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false, order: _, ...placed } = options
  // Statistics are rotated in float64.
  const rows = x.type === 'float64' || x.type === 'float32' ? x : cast(x, 'float32')
  return transform(rows, { ...placed, signs: signs(e, x.device), inverse: transpose })
}
