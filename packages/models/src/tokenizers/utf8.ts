/** Bytes to text: what is not UTF-8 becomes U+FFFD, and a byte order mark stays. */
const lenient = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true })
const strict = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

export const textOfBytes = (bytes: readonly number[] | Uint8Array): string =>
  lenient.decode(Uint8Array.from(bytes))

/** Undefined for what is not UTF-8. */
export function textOfUtf8(bytes: readonly number[]): string | undefined {
  try {
    return strict.decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}
