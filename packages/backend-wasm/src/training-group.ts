import { training as simd } from './generated/training.ts'
import { trainingRelaxed as relaxed } from './generated/training-relaxed.ts'
import type { KernelGroup } from './kernel-group.ts'

/** Attention within documents, backward passes and the loss, for devices that train: `createWasmDevice({ groups: [training] })`. */
export const training: KernelGroup = /* @__PURE__ */ Object.freeze({ name: 'training', simd, relaxed })
