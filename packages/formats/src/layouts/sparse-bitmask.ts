import { sparse, Tensor, unpackRow } from '@tersor/core-tensor'
import type { Layout } from './layout.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * `sparse-24-bitmask` of compressed-tensors: `bitmask` uint8 (out, in/8) of what is kept, two of every four, and `compressed` (out,
 * in/2), zeros among them where they were kept.
 */
export const sparse24Bitmask: Layout = {
  name: 'sparse-24-bitmask',
  methods: ['compressed-tensors'],
  mark: '.bitmask',
  weight(module) {
    if (module.name.endsWith('.weight') || !module.has('.compressed')) return undefined
    const [out, bytes] = module.matrix('.bitmask')
    return {
      dims: [out, module.dims?.[1] ?? 8 * bytes],
      parts: ['.bitmask', '.compressed', ...module.present(['.shape'])],
      load: () => masked(module, [out, module.dims?.[1] ?? 8 * bytes]),
    }
  },
}

/** `sparse-bitmask` of compressed-tensors: the same names behind those of the weight; `compressed` holds what is not zero, row by row. */
export const sparseBitmask: Layout = {
  name: 'sparse-bitmask',
  methods: ['compressed-tensors'],
  mark: '.weight.bitmask',
  weight(module) {
    const [out, bytes] = module.matrix('.weight.bitmask')
    return {
      dims: [out, module.dims?.[1] ?? 8 * bytes],
      parts: ['.bitmask', '.compressed', '.row_offsets', '.shape'].map(ending => `.weight${ending}`),
      load: () => masked(module, [out, module.dims?.[1] ?? 8 * bytes], '.weight'),
    }
  },
}

async function masked(module: StoredModule, dims: readonly [number, number], before = '') {
  const [rows, columns] = dims
  const mask = await module.bytes(`${before}.bitmask`)
  const values = await module.read(`${before}.compressed`)
  const starts = new Int32Array(rows + 1)
  const row = new Uint8Array(columns)
  for (let r = 0; r < rows; r++) {
    unpackRow(mask, 1, row, (r * mask.length) / rows)
    starts[r + 1] = row.reduce((sum, bit) => sum + bit, starts[r]!)
  }
  if (starts[rows] !== values.size)
    throw module.malformed(
      `expected as many values as bits of the mask, got ${values.size} and ${starts[rows]}`,
    )
  return sparse(
    {
      values: values.reshape([values.size]),
      index: new Tensor('uint8', mask, [rows, mask.length / rows]),
      starts: new Tensor('int32', starts, [rows + 1]),
    },
    { dims, pattern: 'mask' },
  )
}
