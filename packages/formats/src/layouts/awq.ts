import { affine, packRow, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import type { Layout } from './layout.ts'
import { groupSizeOf } from './parts/group-size.ts'
import { zerosOf } from './parts/packed-zeros.ts'
import type { StoredModule } from './stored-module.ts'

/** In which nibble of a word column j of eight stands. */
const NIBBLES = [0, 4, 1, 5, 2, 6, 3, 7]

/**
 * AWQ's layout for its GEMM kernels (Lin et al., 2023, arXiv:2306.00978), rows being inputs: `qweight` int32 (in, out/8) and
 * `qzeros` int32 (groups, out/8) with eight outputs a word, in an order of their own; `scales` (groups, out). w = (code − zero)
 * · scale. What AWQ scaled was folded into the layers before.
 */
export const awq: Layout = {
  name: 'awq',
  methods: ['awq'],
  mark: '.qweight',
  weight(module, { settings }) {
    const { version = 'gemm' } = settings
    if (String(version).toLowerCase() !== 'gemm') {
      throw new UnsupportedError(
        `[formats/awq] expected the version gemm, got '${version}'; convert the checkpoint with AutoAWQ`,
      )
    }
    const bits = settings.bits ?? settings.w_bit
    if (bits !== 4) throw new UnsupportedError(`[formats/awq] expected 4 bits, got ${bits}`)
    const [columns, words] = module.matrix('.qweight')
    const out = 8 * words
    return {
      dims: [out, columns],
      parts: ['.qweight', '.qzeros', '.scales'],
      async load() {
        const [groups, scaled] = module.matrix('.scales')
        const size = Number(settings.group_size ?? settings.q_group_size)
        const group = groupSizeOf(columns, groups, [size])
        const [zeroRows, zeroWords] = module.matrix('.qzeros')
        if (group === undefined || scaled !== out || zeroRows !== groups || zeroWords !== words)
          throw module.malformed(`expected scales and zeros of groups of ${size} for [${out}, ${columns}]`)
        const codes = await columnCodes(module, '.qweight')
        const packed = new Uint8Array((out * columns) / 2)
        for (let o = 0; o < out; o++)
          packRow(codes.subarray(o * columns, (o + 1) * columns), 4, packed, (o * columns) / 2)
        return affine(
          {
            codes: new Tensor('uint8', packed, [out, columns / 2]),
            scale: transpose(await module.read('.scales'), [1, 0]),
            zero: zerosOf(await columnCodes(module, '.qzeros'), [out, groups]),
          },
          { dims: [out, columns], bits: 4, group, axis: 1 },
        )
      },
    }
  },
}

/** Codes of words (rows, out/8) as (out, rows). */
async function columnCodes(module: StoredModule, ending: string): Promise<Uint8Array> {
  module.requireDtype(ending, 'I32')
  const [rows, words] = module.matrix(ending)
  const { buffer } = await module.bytes(ending)
  const stored = new Uint32Array(buffer)
  const codes = new Uint8Array(8 * stored.length)
  for (let row = 0; row < rows; row++) {
    for (let word = 0; word < words; word++) {
      const eight = stored[row * words + word]!
      for (let j = 0; j < 8; j++) codes[(8 * word + j) * rows + row] = (eight >>> (4 * NIBBLES[j]!)) & 15
    }
  }
  return codes
}
