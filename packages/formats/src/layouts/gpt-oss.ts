import type { Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { E2M1_VALUES, e8m0Values } from './parts/value-tables.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * MXFP4 of gpt-oss: `_blocks` uint8 (experts, out, blocks, 16) of E2M1, the low nibble first, and `_scales` uint8 (experts, out, blocks),
 * exponents with 127 added. The weight is (experts, out, in), as linear layers have it, and has the name of its blocks: the one without
 * `_blocks` would be of its transpose.
 */
export const gptOss: Layout = {
  name: 'mxfp4',
  methods: ['mxfp4'],
  mark: '_blocks',
  weight(module) {
    const { dims: blocks } = module.info('_blocks')
    const [experts = 0, out = 0, count = 0, bytes] = blocks
    if (bytes !== 16 || module.info('_scales').dims.join() !== [experts, out, count].join()) {
      throw module.malformed(
        `expected blocks (experts, out, blocks, 16) of MXFP4 with a scale each, got [${blocks}] and [${module.info('_scales').dims}]`,
      )
    }
    const dims = [experts, out, 32 * count]
    return {
      ending: '_blocks',
      dims,
      parts: ['_blocks', '_scales'],
      load: () => load(module, dims, [0, experts * out]),
      loadRows: ([start, end]) => load(module, [end - start, 32 * count], [start, end]),
    }
  },
}

async function load(module: StoredModule, dims: readonly number[], [start, end]: readonly [number, number]) {
  const count = dims.at(-1)! / 32
  const codes = await module.bytes('_blocks', [start * count, end * count])
  const scales = await module.bytes('_scales', [start, end])
  const scale = byteScales(scales, e8m0Values(), [...dims.slice(0, -1), count])
  return floatCodes(codes, E2M1_VALUES, { dims, bits: 4, group: 32, scale })
}
