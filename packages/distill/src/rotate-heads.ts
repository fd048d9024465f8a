import { kernel, type Rope, type Rotations, ShapeError, Tensor } from '@tersor/core-tensor'
import { unary } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/**
 * The rotations of a model's heads, made once for all layers and windows of a length.
 *
 * @param like  whose device and type they are for
 */
export function rotationsOf(
  { frequencies, layout }: Pick<Rope, 'frequencies' | 'layout'>,
  length: number,
  like: Tensor,
): Rotations {
  const pairs = frequencies.length
  const angles = Float64Array.from(
    { length: length * pairs },
    (_, at) => Math.floor(at / pairs) * frequencies[at % pairs]!,
  )
  const upload = (values: Float64Array) =>
    like.device.upload(
      like.type === 'float64'
        ? new Tensor('float64', values, [length, pairs])
        : new Tensor('float32', Float32Array.from(values), [length, pairs]),
    )
  return { cos: upload(angles.map(Math.cos)), sin: upload(angles.map(Math.sin)), layout }
}

/** The rotations back: a rotation is orthogonal, so that these are also its backward pass. */
export function inverseRotations({ cos, sin, layout }: Rotations): Rotations {
  return { cos, sin: unary('neg', sin), layout }
}

/**
 * Rotary positions (Su et al., 2021, arXiv:2104.09864) of heads that lie side by side, in place:
 * row r of x is at position r mod positions.
 *
 * @param x  (tokens, heads · headDim), tokens a multiple of the positions
 * @param rotations  cosines and sines (positions, headDim / 2) of x's type; see {@link rotationsOf}
 * @returns x
 * @throws {ShapeError} when the rows do not fit
 */
export const rotateHeads = /* @__PURE__ */ kernel('rotateHeads', rotateHeadsReference)

function rotateHeadsReference(x: Tensor, { cos, sin, layout }: Rotations): Tensor {
  const where = 'distill/rotate-heads'
  const [length = 0, pairs = 0] = cos.dims
  const [rows = 0, width = 0] = x.dims
  if (x.dims.length !== 2 || rows % length !== 0 || width % (2 * pairs) !== 0) {
    throw new ShapeError(
      `[${where}] expected (tokens, heads · ${2 * pairs}) with tokens a multiple of ${length}, got [${x.dims}]`,
    )
  }
  const values = floatData(x, where)
  const cosines = floatData(cos, where)
  const sines = floatData(sin, where)
  const [near, far] = layout === 'half' ? [1, pairs] : [2, 1]
  for (let row = 0; row < rows; row++) {
    const angles = (row % length) * pairs
    for (let head = row * width; head < (row + 1) * width; head += 2 * pairs) {
      for (let p = 0; p < pairs; p++) {
        const i = head + p * near
        const c = cosines[angles + p]!
        const s = sines[angles + p]!
        const a = values[i]!
        const b = values[i + far]!
        values[i] = a * c - b * s
        values[i + far] = a * s + b * c
      }
    }
  }
  return x
}
