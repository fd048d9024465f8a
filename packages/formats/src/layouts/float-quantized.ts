import { ACTIVATIONS, weightSchemes } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { blockScaled } from './parts/block-scaled.ts'
import { rowScaled } from './parts/row-scaled.ts'

/**
 * `float-quantized` of compressed-tensors: `weight` E4M3 (out, in) times `weight_scale`: one for each row, for all, or for each block of
 * rows and columns.
 */
export const floatQuantized: Layout = {
  name: 'float-quantized',
  methods: ['compressed-tensors'],
  mark: '.weight_scale',
  beside: ACTIVATIONS,
  weight(module, config) {
    if (!module.has('.weight') || module.info('.weight').dtype !== 'F8_E4M3') return undefined
    if (module.info('.weight_scale').dtype === 'U8') return undefined
    const dims = module.matrix('.weight')
    return {
      dims,
      parts: ['.weight', '.weight_scale'],
      async load() {
        const [out, columns] = dims
        const scale = await module.read('.weight_scale')
        if (scale.size === 1 || (scale.size === out && scale.dims[0] === out))
          return rowScaled(await module.read('.weight'), scale)
        const blocks = weightSchemes(config).flatMap(({ block }) => (block === undefined ? [] : [block]))
        const block = blocks.find(
          ([rows, width]) => scale.dims.join() === [Math.ceil(out / rows), Math.ceil(columns / width)].join(),
        )
        if (block === undefined)
          throw module.malformed(`expected scales of rows or of blocks for [${dims}], got [${scale.dims}]`)
        const scales = await module.floats('.weight_scale')
        return blockScaled(await module.bytes('.weight'), scales, { dims, block })
      },
    }
  },
}
