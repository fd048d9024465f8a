import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { E2M1_VALUES, e4m3Values } from './parts/value-tables.ts'

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
  weight(module) {
    const [out, bytes] = module.matrix('.weight')
    const dims = [out, 2 * bytes]
    return {
      dims,
      parts: ['.weight', '.weight_scale', '.weight_scale_2'],
      async load() {
        module.requireDtype('.weight', 'U8')
        module.requireDtype('.weight_scale', 'F8_E4M3')
        const whole = await module.number('.weight_scale_2')
        const values = e4m3Values().map(value => value * whole)
        const scale = byteScales(await module.bytes('.weight_scale'), values, module.matrix('.weight_scale'))
        return floatCodes(await module.bytes('.weight'), VALUES, { dims, bits: 4, group: 16, scale })
      },
    }
  },
}
