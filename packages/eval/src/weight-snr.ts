import {
  asTensor,
  decode,
  type Encoded,
  isEncoded,
  ShapeError,
  sameDims,
  Tensor,
  type TensorLike,
  toFloat32,
} from '@tersor/core-tensor'

/** Elements that are decoded at a time. */
const CHUNK = 1 << 18

/**
 * The signal-to-noise ratio of a compressed weight, 10·log₁₀(Σ w² / Σ (w − ŵ)²) in decibels;
 * Infinity where nothing was lost. Each bit of a uniform quantiser is worth about 6 dB.
 *
 * @param original  the weight before compression
 * @param compressed  the same shape; decoded a few rows at a time
 * @throws {ShapeError} when the shapes differ
 * @example
 * const weight = new Tensor('float32', [1, 2], [2])
 * weightSnr(weight, new Tensor('float32', [1, 1.8], [2])) // => ≈ 20.97
 */
export function weightSnr(original: TensorLike, compressed: Tensor | Encoded | TensorLike): number {
  const weight = asTensor(original)
  const other = compressed instanceof Tensor || 'encoding' in compressed ? compressed : asTensor(compressed)
  if (!sameDims(weight.dims, other.dims)) {
    throw new ShapeError(
      `[eval/weight-snr] expected tensors of one shape, got [${weight.dims}] and [${other.dims}]`,
    )
  }
  let signal = 0
  let noise = 0
  const rows = weight.dims[0] ?? 1
  const step = Math.max(1, Math.floor(CHUNK / Math.max(1, weight.size / Math.max(rows, 1))))
  for (let start = 0; start < rows; start += step) {
    const range = [start, Math.min(rows, start + step)] as const
    const scalar = weight.dims.length === 0
    const a = toFloat32(scalar ? weight : weight.rows(...range))
    const b = toFloat32(scalar ? (isEncoded(other) ? decode(other) : other) : decode(other, { rows: range }))
    for (let i = 0; i < a.length; i++) {
      signal += a[i]! * a[i]!
      noise += (a[i]! - b[i]!) ** 2
    }
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise)
}
