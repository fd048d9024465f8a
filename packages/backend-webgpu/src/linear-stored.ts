import { type Encoded, type LinearOptions, sizeOf, type Tensor } from '@tersor/core-tensor'
import { gemm, leftOf, type RightFactor } from './gemm.ts'
import { output } from './output.ts'
import { type StoredWeight, storedWeight } from './stored-weight.ts'

/** x·wᵀ, or x·w, reading the weight as it is stored. */
export function linearStored(x: Tensor, w: Encoded, options: LinearOptions = {}): Tensor {
  const { transpose = false } = options
  const [n, k] = (transpose ? [w.dims[1], w.dims[0]] : w.dims) as [number, number]
  const batchDims = x.dims.slice(0, -1)
  const right = rightFactor(storedWeight(w), transpose)
  const shape = { batch: 1, m: sizeOf(batchDims), n, k }
  return output('linear', 'float32', x, [...batchDims, n], options, (y, accumulate) =>
    gemm(y, leftOf(x, 0, [k, 1]), right, shape, { ...options, accumulate }),
  )
}

function rightFactor(stored: StoredWeight, transpose: boolean): RightFactor {
  const unit = transpose ? 1 : stored.unit
  const [row, column] = transpose ? ['k', 'j'] : ['j', 'k']
  const several = unit > 1 ? 'weight_unit(j, u)' : `array<f32, 1>(b_at(batch, u, j))`
  return {
    ...stored,
    unit,
    key: `${stored.key},${transpose}`,
    alongK: !transpose,
    globals: () => `${stored.globals()}
fn b_at(batch: u32, k: u32, j: u32) -> f32 { return weight(${row}, ${column}); }
fn b_unit(batch: u32, u: u32, j: u32) -> array<f32, ${unit}> { return ${several}; }
`,
  }
}
