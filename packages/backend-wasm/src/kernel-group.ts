/** A module of kernels, and the primitives that it exports under their names. */
export interface KernelGroup {
  readonly name: string
  /** Bytes in base64. */
  readonly simd: string
  /** The same with relaxed SIMD, where that is faster. */
  readonly relaxed?: string | undefined
}

/** The bytes of base64. */
export function bytesOfBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
