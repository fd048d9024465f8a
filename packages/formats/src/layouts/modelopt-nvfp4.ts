import type { Layout } from './layout.ts'
import { nvfp4 } from './parts/nvfp4.ts'
import { E2M1_VALUES } from './parts/value-tables.ts'

const VALUES = /* @__PURE__ */ E2M1_VALUES.map(value => value + 0)

/**
 * NVFP4 of NVIDIA ModelOpt: `weight` uint8 (out, in/2) of E2M1, `weight_scale` E4M3 (out, in/16), and `weight_scale_2`, by which scales are
 * multiplied: the inverse of what compressed-tensors stores. Its zeros have no sign.
 */
export const modeloptNvfp4: Layout = {
  name: 'nvfp4',
  methods: ['modelopt'],
  mark: '.weight_scale_2',
  beside: ['.input_scale', '.k_scale', '.v_scale'],
  weight: module =>
    nvfp4(module, {
      ...{ codes: '.weight', whole: '.weight_scale_2', values: VALUES },
      scaled: (block, whole) => block * whole,
    }),
}
