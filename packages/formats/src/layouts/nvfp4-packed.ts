import { ACTIVATIONS } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { E2M1_VALUES, e4m3Values } from './parts/value-tables.ts'

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
    const [out, bytes] = module.matrix('.weight_packed')
    const dims = [out, 2 * bytes]
    return {
      dims,
      parts: ['.weight_packed', '.weight_scale', '.weight_global_scale'],
      async load() {
        module.requireDtype('.weight_packed', 'U8')
        module.requireDtype('.weight_scale', 'F8_E4M3')
        const whole = await module.number('.weight_global_scale')
        const values = e4m3Values().map(value => value / whole)
        const scale = byteScales(await module.bytes('.weight_scale'), values, module.matrix('.weight_scale'))
        const codes = await module.bytes('.weight_packed')
        return floatCodes(codes, E2M1_VALUES, { dims, bits: 4, group: 16, scale })
      },
    }
  },
}
