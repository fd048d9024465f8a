import { affine, Tensor } from '@tersor/core-tensor'
import { ACTIVATIONS } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { SIGNED_ZERO, signedCodes } from './parts/signed-codes.ts'

/**
 * `int-quantized` of compressed-tensors: `weight` int8 (out, in) times `weight_scale`, one for each row or for all. Activations, which
 * its kernels round to 8 bits too, are not rounded here.
 */
export const intQuantized: Layout = {
  name: 'int-quantized',
  methods: ['compressed-tensors'],
  mark: '.weight_scale',
  beside: ACTIVATIONS,
  weight(module) {
    if (!module.has('.weight') || module.info('.weight').dtype !== 'I8') return undefined
    const dims = module.matrix('.weight')
    const [out, columns] = dims
    return {
      dims,
      parts: ['.weight', '.weight_scale', ...module.present(['.weight_zero_point'])],
      async load() {
        const scale = await module.read('.weight_scale')
        if (scale.size !== 1 && scale.size !== out)
          throw module.malformed(`expected a scale for each of ${out} rows, got ${scale.size}`)
        const zero = module.has('.weight_zero_point')
          ? (await module.floats('.weight_zero_point')).map(value => value + SIGNED_ZERO)
          : [SIGNED_ZERO]
        if (zero.length !== 1 && zero.length !== scale.size)
          throw module.malformed(`expected as many zeros as scales, got ${zero.length} and ${scale.size}`)
        return affine(
          {
            codes: signedCodes(await module.bytes('.weight'), dims),
            scale: scale.reshape([scale.size, 1]),
            zero: new Tensor('uint8', Uint8Array.from(zero), [zero.length, 1]),
          },
          { dims, bits: 8, group: columns, axis: 1 },
        )
      },
    }
  },
}
