import { UnsupportedError } from '@tersor/core-tensor'
import type { Layout } from './layout.ts'
import { blockScaled } from './parts/block-scaled.ts'
import { rowScaled } from './parts/row-scaled.ts'
import { e8m0Values } from './parts/value-tables.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * Fine-grained FP8 of DeepSeek and Qwen 3: `weight` E4M3 (out, in) times `weight_scale_inv`, a number for each block of 128 rows and
 * columns, in float32 or as a power of two (E8M0). The last blocks may be smaller.
 */
export const fp8Blocks: Layout = {
  name: 'fp8',
  methods: ['fp8'],
  mark: '.weight_scale_inv',
  beside: ['.input_scale', '.activation_scale'],
  weight(module, { settings }) {
    const block = settings.weight_block_size ?? [128, 128]
    if (!isPair(block)) {
      throw new UnsupportedError(
        `[formats/fp8] expected weight_block_size of two numbers, got ${JSON.stringify(block)?.slice(0, 100)}`,
      )
    }
    const dims = module.matrix('.weight')
    return {
      dims,
      parts: ['.weight', '.weight_scale_inv'],
      async load() {
        module.requireDtype('.weight', 'F8_E4M3')
        const [rows, columns] = module.matrix('.weight_scale_inv')
        if (rows !== Math.ceil(dims[0] / block[0]) || columns !== Math.ceil(dims[1] / block[1]))
          throw module.malformed(
            `expected scales of blocks [${block}] for [${dims}], got [${rows}, ${columns}]`,
          )
        return blockScaled(await module.bytes('.weight'), await scalesOf(module), { dims, block })
      },
    }
  },
}

async function scalesOf(module: StoredModule): Promise<Float32Array> {
  if (module.info('.weight_scale_inv').dtype !== 'F8_E8M0') return module.floats('.weight_scale_inv')
  const values = e8m0Values()
  return Float32Array.from(await module.bytes('.weight_scale_inv'), byte => values[byte]!)
}

function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(each => Number.isInteger(each) && each > 0)
}

/**
 * FP8 with one number for each row or for all: of vLLM without blocks, of FBGEMM and of NVIDIA ModelOpt. `weight` E4M3 (out, in) times
 * `weight_scale`.
 */
export const fp8Rows: Layout = {
  name: 'fp8',
  methods: ['fp8', 'fbgemm_fp8', 'modelopt'],
  mark: '.weight_scale',
  beside: ['.input_scale', '.input_scale_ub', '.k_scale', '.v_scale', '.output_scale'],
  weight(module) {
    if (!module.has('.weight') || module.info('.weight').dtype !== 'F8_E4M3') return undefined
    const dims = module.matrix('.weight')
    return {
      dims,
      parts: ['.weight', '.weight_scale'],
      async load() {
        const scale = await module.read('.weight_scale')
        if (scale.size !== 1 && scale.size !== dims[0])
          throw module.malformed(`expected a scale for each of ${dims[0]} rows or one, got [${scale.dims}]`)
        return rowScaled(await module.read('.weight'), scale)
      },
    }
  },
}
