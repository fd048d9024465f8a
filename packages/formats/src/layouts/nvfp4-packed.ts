import { ACTIVATIONS } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { nvfp4 } from './parts/nvfp4.ts'

/**
 * `nvfp4-pack-quantized` of compressed-tensors: `weight_packed` uint8 (out, in/2) of E2M1, `weight_scale` E4M3 (out, in/16), and
 * `weight_global_scale`, by which scales are divided.
 */
export const nvfp4Packed: Layout = {
  name: 'nvfp4',
  methods: ['compressed-tensors'],
  mark: '.weight_packed',
  beside: ACTIVATIONS,
  weight(module) {
    if (!module.has('.weight_global_scale')) return undefined
    return nvfp4(module, {
      ...{ codes: '.weight_packed', whole: '.weight_global_scale' },
      scaled: (block, whole) => block / whole,
    })
  },
}
