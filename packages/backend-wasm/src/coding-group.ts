import { coding as simd } from './generated/coding.ts'
import type { KernelGroup } from './kernel-group.ts'

/** Entropy decoding and bit unpacking, for devices that are asked for it: `createWasmDevice({ groups: [coding] })`. */
export const coding: KernelGroup = /* @__PURE__ */ Object.freeze({ name: 'coding', simd })
