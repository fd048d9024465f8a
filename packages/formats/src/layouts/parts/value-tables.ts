import { Tensor, toFloat32 } from '@tersor/core-tensor'

/** What the 16 codes of E2M1 mean (Open Compute Project, 2023, Microscaling Formats 1.0). */
export const E2M1_VALUES: readonly number[] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]

/** What the 64 codes of E2M3 mean (as above): a sign, two bits of exponent, three of mantissa. */
export const E2M3_VALUES: readonly number[] = /* @__PURE__ */ Array.from({ length: 64 }, (_, code) => {
  const exponent = (code >> 3) & 3
  const mantissa = (code & 7) / 8
  const size = exponent === 0 ? mantissa : (1 + mantissa) * 2 ** (exponent - 1)
  return code & 32 ? -size : size
})

/** What the 256 bytes of E8M0 mean: 2^(byte − 127), and not a number for the last. */
export function e8m0Values(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => (byte === 255 ? Number.NaN : 2 ** (byte - 127)))
}

/** What the 256 bytes of E4M3 mean (Micikevicius et al., 2022, arXiv:2209.05433). */
export function e4m3Values(): Float32Array {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  return Float32Array.from(toFloat32(new Tensor('float8e4m3fn', bytes, [256])))
}

/** A table of numbers as `codebook` takes it. */
export function tableOf(values: ArrayLike<number>): Tensor {
  return new Tensor('float32', Float32Array.from(values), [values.length, 1])
}
