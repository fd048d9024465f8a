import { decode, type Encoded, isEncoded, sizeOf, type Tensor, toFloat32 } from '@tersor/core-tensor'

/** Elements that are decoded at a time. */
const CHUNK = 1 << 18

/**
 * What compression made of a weight, summed up slice by slice: signal and noise in float64, element after element, so that slices
 * of the rows in their order give the same number as the whole.
 *
 * @example
 * const error = new WeightError()
 * error.add(new Tensor('float32', [1], [1]), new Tensor('float32', [1], [1]))
 * error.add(new Tensor('float32', [2], [1]), new Tensor('float32', [1.8], [1]))
 * error.snr // => ≈ 20.97
 */
export class WeightError {
  #signal = 0
  #noise = 0

  /**
   * Takes some rows in.
   *
   * @param compressed  of the same shape; decoded a few rows at a time
   */
  add(original: Tensor, compressed: Tensor | Encoded): void {
    const rows = original.dims[0] ?? 1
    const step = Math.max(1, Math.floor(CHUNK / Math.max(1, sizeOf(original.dims.slice(1)))))
    for (let start = 0; start < rows; start += step) {
      const range = [start, Math.min(rows, start + step)] as const
      const scalar = original.dims.length === 0
      const a = toFloat32(scalar ? original : original.rows(...range))
      const whole = () => (isEncoded(compressed) ? decode(compressed) : compressed)
      const b = toFloat32(scalar ? whole() : decode(compressed, { rows: range }))
      for (let i = 0; i < a.length; i++) {
        this.#signal += a[i]! * a[i]!
        this.#noise += (a[i]! - b[i]!) ** 2
      }
    }
  }

  /** 10·log₁₀(Σ w² / Σ (w − ŵ)²) in decibels; Infinity where nothing was lost. */
  get snr(): number {
    return this.#noise === 0 ? Infinity : 10 * Math.log10(this.#signal / this.#noise)
  }
}
