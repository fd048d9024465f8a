import { ACTIVATIONS } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { e4m3Values, e8m0Values } from './parts/value-tables.ts'

/** Elements that share a scale. */
const BLOCK = 32

/** `mxfp8-quantized` of compressed-tensors: `weight` E4M3 (out, in), `weight_scale` uint8 (out, in/32), exponents with 127 added. */
export const mxfp8Quantized: Layout = {
  name: 'mxfp8',
  methods: ['compressed-tensors'],
  mark: '.weight_scale',
  beside: ACTIVATIONS,
  weight(module) {
    if (!module.has('.weight') || !['U8', 'F8_E8M0'].includes(module.info('.weight_scale').dtype))
      return undefined
    const dims = module.matrix('.weight')
    return {
      dims,
      parts: ['.weight', '.weight_scale'],
      async load() {
        module.requireDtype('.weight', 'F8_E4M3')
        const scale = byteScales(
          await module.bytes('.weight_scale'),
          e8m0Values(),
          module.matrix('.weight_scale'),
        )
        return floatCodes(await module.bytes('.weight'), e4m3Values(), { dims, bits: 8, group: BLOCK, scale })
      },
    }
  },
}
