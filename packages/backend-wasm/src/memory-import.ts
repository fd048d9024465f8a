import { FormatError } from '@tersor/core-tensor'

const IMPORT_SECTION = 2
const MEMORY = 2
const SHARED = 2

/**
 * The bytes of a module with the flag of its imported memory set or cleared: whether it is shared is
 * one bit, and everything else is the same, so one binary serves both.
 *
 * @throws {FormatError} when the bytes are not a module whose first import is a memory with a maximum
 */
export function withSharedMemory(bytes: Uint8Array, shared: boolean): Uint8Array {
  let at = 8 // after the magic number and the version
  const leb = () => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    return value
  }
  const skipName = () => {
    const length = leb()
    at += length
  }
  while (at < bytes.length) {
    const section = bytes[at++]
    const size = leb()
    if (section !== IMPORT_SECTION) {
      at += size
      continue
    }
    leb() // how many
    skipName()
    skipName()
    if (bytes[at++] !== MEMORY) break
    const flags = bytes[at]!
    if ((flags & 1) === 0) break
    const patched = bytes.slice()
    patched[at] = shared ? flags | SHARED : flags & ~SHARED
    return patched
  }
  throw new FormatError(
    '[createWasmDevice] expected a module of this package, which imports a memory first; pass `simd.wasm` or `relaxed.wasm` of @tersor/backend-wasm',
  )
}
