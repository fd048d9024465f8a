import {
  asTensor,
  codebook,
  decode,
  type Encoded,
  groupDims,
  groupIndex,
  matrixDims,
  NumericalError,
  packedRowBytes,
  packRow,
  requireHost,
  ShapeError,
  Tensor,
  type TensorLike,
  toFloat32,
} from '@tersor/core-tensor'
import { nearest } from '@tersor/core-tensor/reference'
import { checkGroup, quantizeAffine } from './quantize-affine.ts'

export interface Nf4Options {
  /** Weights of a row that share a scale, 64 by default; the last block of a row may be short. */
  blockSize?: number
  /** Stores the scales in 8 bits too, in blocks of 256; true by default. */
  doubleQuantize?: boolean
}

const WHERE = 'quantize/nf4'

/**
 * The sixteen values of NormalFloat4: quantiles of a normal distribution scaled to [−1, 1], with an
 * exact zero. Numbers of the paper's appendix E.
 */
export const NF4_VALUES: readonly number[] = /* @__PURE__ */ Object.freeze([
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])

/**
 * 4-bit NormalFloat with double quantisation (Dettmers et al., 2023, arXiv:2305.14314).
 *
 * Use it for 4 bits without calibration data on weights that look normal; {@link quantizeAffine}
 * suits other distributions, {@link gptq} loses less where text to calibrate with is at hand.
 *
 * Each block of a row is divided by its absolute maximum and every quotient becomes the nearest of
 * the sixteen values; the maxima are stored in 8 bits over blocks of 256, offset by their smallest.
 *
 * @param weight  (…, columns), at least one dimension; read as float32
 * @returns `codebook` with a scale a block: 4 + 8 / blockSize + 64 / (256 · blockSize) bits a weight
 * @throws {NumericalError} when a weight is not finite
 * @example
 * const weight = new Tensor('float32', [-2, -1, 0, 2], [1, 4])
 * decode(nf4(weight, { doubleQuantize: false })).data // => Float32Array [-2, -1.0501461, 0, 2]
 */
export function nf4(weight: TensorLike, { blockSize = 64, doubleQuantize = true }: Nf4Options = {}): Encoded {
  const tensor = asTensor(weight)
  requireHost(tensor, WHERE)
  checkGroup(blockSize, WHERE)
  if (tensor.dims.length === 0)
    throw new ShapeError(`[${WHERE}] expected at least one dimension, got a scalar`)
  const { device, dims } = tensor
  const axis = dims.length - 1
  const values = toFloat32(tensor)
  const scales = blockMaxima(values, dims, blockSize)
  const scale = doubleQuantize
    ? quantizeAffine(device.upload(scales), {
        bits: 8,
        groupSize: 256,
        axis: 0,
        zero: 'float',
        scaleType: 'float32',
      })
    : device.upload(scales)
  const table = new Tensor('float32', NF4_VALUES, [16, 1])
  const codes = nearestCodes(values, dims, toFloat32(decode(scale)), table, blockSize)
  return codebook(
    { codes: device.upload(codes), table: device.upload(table), scale },
    { dims, bits: 4, group: blockSize, axis },
  )
}

function blockMaxima(values: Float32Array, dims: readonly number[], blockSize: number): Tensor {
  const scaleDims = groupDims(dims, blockSize, -1)
  const at = groupIndex(dims, scaleDims, blockSize, -1, WHERE)
  const maxima = new Float32Array(scaleDims.reduce((a, b) => a * b, 1))
  const { rows, columns } = matrixDims(dims)
  for (let row = 0; row < rows; row++) {
    const start = at.row(row)
    for (let c = 0; c < columns; c++) {
      const value = values[row * columns + c]!
      if (!Number.isFinite(value))
        throw new NumericalError(`[${WHERE}] expected finite weights, got ${value}; repair the tensor first`)
      const g = start + at.columns[c]!
      if (Math.abs(value) > maxima[g]!) maxima[g] = Math.abs(value)
    }
  }
  return new Tensor('float32', maxima, scaleDims)
}

/** Codes (…, ⌈columns / 2⌉) of the values nearest to w / scale, row by row. */
function nearestCodes(
  values: Float32Array,
  dims: readonly number[],
  scale: Float32Array,
  table: Tensor,
  blockSize: number,
): Tensor {
  const at = groupIndex(dims, groupDims(dims, blockSize, -1), blockSize, -1, WHERE)
  const { rows, columns } = matrixDims(dims)
  const rowBytes = packedRowBytes(columns, 4)
  const packed = new Uint8Array(rows * rowBytes)
  const quotients = new Tensor('float32', new Float32Array(columns), [columns, 1])
  const row = quotients.data
  for (let r = 0; r < rows; r++) {
    const start = at.row(r)
    for (let c = 0; c < columns; c++) {
      const step = scale[start + at.columns[c]!]!
      row[c] = step === 0 ? 0 : values[r * columns + c]! / step
    }
    packRow(nearest(quotients, table).data as Int32Array, 4, packed, r * rowBytes)
  }
  return new Tensor('uint8', packed, [...dims.slice(0, -1), rowBytes])
}
