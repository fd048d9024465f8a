import { ACTIVATIONS, weightSchemes } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { E2M1_VALUES, E2M3_VALUES, e4m3Values, e8m0Values } from './parts/value-tables.ts'

/** Elements that share a scale (Open Compute Project, 2023, Microscaling Formats 1.0). */
const BLOCK = 32

/**
 * `mxfp4-pack-quantized` and `mxfp6-pack-quantized` of compressed-tensors: `weight_packed` uint8 of E2M1, two a byte, or of E2M3, four in
 * three bytes; `weight_scale` uint8 (out, in/32), exponents with 127 added.
 */
export const mxPacked: Layout = {
  name: 'mxfp4 or mxfp6',
  methods: ['compressed-tensors'],
  mark: '.weight_packed',
  beside: ACTIVATIONS,
  weight(module, config) {
    if (module.has('.weight_shape') || module.has('.weight_global_scale')) return undefined
    const [out, bytes] = module.matrix('.weight_packed')
    const [, groups] = module.matrix('.weight_scale')
    const bits = (8 * bytes) / (groups * BLOCK)
    const known = weightSchemes(config).some(
      scheme => scheme.bits === bits && scheme.format.startsWith('mxfp'),
    )
    if (!known || (bits !== 4 && bits !== 6))
      throw module.malformed(`expected codes of 4 or 6 bits for blocks of ${BLOCK}, got ${bits}`)
    const dims = [out, groups * BLOCK]
    return {
      dims,
      parts: ['.weight_packed', '.weight_scale'],
      async load() {
        module.requireDtype('.weight_packed', 'U8')
        module.requireDtype('.weight_scale', 'U8', 'F8_E8M0')
        const scale = byteScales(await module.bytes('.weight_scale'), e8m0Values(), [out, groups])
        const values = bits === 4 ? E2M1_VALUES : E2M3_VALUES
        return floatCodes(await module.bytes('.weight_packed'), values, { dims, bits, group: BLOCK, scale })
      },
    }
  },
}

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
