import { expect, test } from 'vitest'
import { wasmLimits } from './wasm-limits.ts'

test('the loops compute what they say', () => {
  const limits = wasmLimits(2 ** 20)
  // Every load is seen: all bytes are 1, and one that is not shows.
  expect(limits.read()).toBe(0x01010101)
  const bytes = new Uint8Array(limits.memory.buffer)
  for (const at of [0, 16, 65536, 2 ** 19 - 16, 2 ** 19, 2 ** 20 - 16]) {
    bytes[at] = 3
    expect(limits.read()).toBe(0x01010103)
    bytes[at] = 1
  }
  // x ← x / 2 + 1 from 0: 1, 1.5, …, 2.
  const float = (bits: number) => new Float32Array(Int32Array.of(bits).buffer)[0]
  expect([1, 2, 3, 100].map(times => float(limits.multiplyAdd(times)))).toEqual([1, 1.5, 1.75, 2])
})
