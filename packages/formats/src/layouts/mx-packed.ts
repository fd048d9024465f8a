import { ACTIVATIONS, weightSchemes } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { E2M1_VALUES, E2M3_VALUES, e8m0Values } from './parts/value-tables.ts'

/** Elements that share a scale (Open Compute Project, 2023, Microscaling Formats 1.0). */
const BLOCK = 32

/** `mxfp4-pack-quantized` of compressed-tensors: `weight_packed` uint8 of E2M1, two a byte; `weight_scale` uint8 (out, in/32), exponents with 127 added. */
export const mxfp4Packed: Layout = /* @__PURE__ */ mxPacked('mxfp4', 4, E2M1_VALUES)

/** `mxfp6-pack-quantized` of compressed-tensors: the same with E2M3, four in three bytes. */
export const mxfp6Packed: Layout = /* @__PURE__ */ mxPacked('mxfp6', 6, E2M3_VALUES)

function mxPacked(name: string, bits: number, values: readonly number[]): Layout {
  return {
    name,
    methods: ['compressed-tensors'],
    mark: '.weight_packed',
    beside: ACTIVATIONS,
    weight(module, config) {
      if (module.has('.weight_shape') || module.has('.weight_global_scale')) return undefined
      const [out, bytes] = module.matrix('.weight_packed')
      const [, groups] = module.matrix('.weight_scale')
      const stored = (8 * bytes) / (groups * BLOCK)
      const known = weightSchemes(config).some(
        scheme => scheme.bits === stored && scheme.format.startsWith('mxfp'),
      )
      if (!known)
        throw module.malformed(
          `expected blocks of ${BLOCK} in one of the widths that are configured, got ${stored} bits`,
        )
      if (stored !== bits) return undefined
      const dims = [out, groups * BLOCK]
      return {
        dims,
        parts: ['.weight_packed', '.weight_scale'],
        async load() {
          module.requireDtype('.weight_packed', 'U8')
          module.requireDtype('.weight_scale', 'U8', 'F8_E8M0')
          const scale = byteScales(await module.bytes('.weight_scale'), e8m0Values(), [out, groups])
          return floatCodes(await module.bytes('.weight_packed'), values, { dims, bits, group: BLOCK, scale })
        },
      }
    },
  }
}
