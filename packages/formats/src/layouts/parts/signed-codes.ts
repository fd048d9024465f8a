import { Tensor } from '@tersor/core-tensor'

/** The zero of {@link signedCodes}. */
export const SIGNED_ZERO = 128

/** Bytes of int8 (out, in) as codes without sign, whose zero is 128. */
export function signedCodes(bytes: Uint8Array, dims: readonly number[]): Tensor {
  return new Tensor(
    'uint8',
    bytes.map(byte => byte ^ 0x80),
    dims,
  )
}
