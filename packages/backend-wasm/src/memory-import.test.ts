import { FormatError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { relaxed } from './generated/relaxed.ts'
import { simd } from './generated/simd.ts'
import { bytesOfBase64 } from './kernel-group.ts'
import { withSharedMemory } from './memory-import.ts'

describe('withSharedMemory', () => {
  it('makes one module fit a memory that is shared and one that is not', () => {
    const bytes = bytesOfBase64(simd)
    for (const shared of [false, true]) {
      const patched = withSharedMemory(bytes, shared)
      const module = new WebAssembly.Module(patched as Uint8Array<ArrayBuffer>)
      const memory = (own: boolean) => new WebAssembly.Memory({ initial: 1, maximum: 65535, shared: own })
      expect(() => new WebAssembly.Instance(module, { env: { memory: memory(shared) } })).not.toThrow()
      expect(() => new WebAssembly.Instance(module, { env: { memory: memory(!shared) } })).toThrow()
      expect(patched.filter((byte, i) => byte !== bytes[i])).toHaveLength(shared ? 1 : 0)
    }
    expect(withSharedMemory(withSharedMemory(bytes, true), false)).toEqual(bytes)
  })

  it('leaves the bytes that it is given alone, and refuses others', () => {
    const bytes = bytesOfBase64(relaxed)
    withSharedMemory(bytes, true)
    expect(bytes).toEqual(bytesOfBase64(relaxed))
    for (const hostile of [
      new Uint8Array(),
      new Uint8Array(100),
      bytes.subarray(0, 60),
      Uint8Array.of(...bytes.subarray(0, 8), 2, 255, 255, 255, 255, 255, 255),
    ]) {
      expect(() => withSharedMemory(hostile, true)).toThrow(FormatError)
    }
  })
})
