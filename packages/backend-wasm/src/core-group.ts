import { relaxed } from './generated/relaxed.ts'
import { simd } from './generated/simd.ts'
import type { KernelGroup } from './kernel-group.ts'

/** Products, attention, elementwise and rowwise kernels: every device has them. */
export const core: KernelGroup = /* @__PURE__ */ Object.freeze({ name: 'core', simd, relaxed })
