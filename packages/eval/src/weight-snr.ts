import { asTensor, type Encoded, ShapeError, sameDims, Tensor, type TensorLike } from '@tersor/core-tensor'
import { WeightError } from './weight-error.ts'

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
  const error = new WeightError()
  error.add(weight, other)
  return error.snr
}
