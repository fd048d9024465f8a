import { affine, packRow, Tensor } from '@tersor/core-tensor'
import type { Layout } from './layout.ts'

/**
 * BitNet b1.58 (Ma et al., 2024, arXiv:2402.17764): `weight` uint8 (out/4, in), byte row r holding rows r, r + out/4, … in two bits each, the
 * first in the low ones; w = (code − 1) · `weight_scale`. Of the linear class `bitlinear` outputs are divided by it.
 */
export const bitnet: Layout = {
  name: 'bitnet',
  methods: ['bitnet'],
  mark: '.weight_scale',
  weight(module, { settings }) {
    if (!module.has('.weight') || module.info('.weight').dtype !== 'U8') return undefined
    const [byteRows, columns] = module.matrix('.weight')
    const dims = [4 * byteRows, columns]
    return {
      dims,
      parts: ['.weight', '.weight_scale'],
      async load() {
        const stored = await module.bytes('.weight')
        const rowBytes = Math.ceil(columns / 4)
        const packed = new Uint8Array(dims[0]! * rowBytes)
        const row = new Uint8Array(columns)
        for (let o = 0; o < dims[0]!; o++) {
          const shift = 2 * Math.floor(o / byteRows)
          const from = (o % byteRows) * columns
          for (let i = 0; i < columns; i++) row[i] = (stored[from + i]! >> shift) & 3
          packRow(row, 2, packed, o * rowBytes)
        }
        const stated = await module.number('.weight_scale')
        const scale = settings.linear_class === 'bitlinear' ? 1 / stated : stated
        return affine(
          {
            codes: new Tensor('uint8', packed, [dims[0]!, rowBytes]),
            scale: new Tensor('float32', [scale], [1, 1]),
            zero: new Tensor('uint8', [1], [1, 1]),
          },
          { dims, bits: 2, group: columns, axis: 1 },
        )
      },
    }
  },
}
