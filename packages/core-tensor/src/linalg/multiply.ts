import { kernel } from '../device/kernel.ts'
import type { MatmulOptions } from '../device/kernels.ts'
import { gemmTiled } from '../reference/gemm.ts'
import { strided } from '../reference/matmul.ts'
import { freeTiles } from '../reference/tiles.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floatsOf } from './floats.ts'

/**
 * The kernel `matmul` where one operand is in float64: two matrices, a new result. Its reference is
 * all that the decompositions need of the general one, so that they do not carry the rest.
 */
export const matmul = /* @__PURE__ */ kernel('matmul', multiply)

function multiply(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options
  const [rows, columns] = a.dims as [number, number]
  const [m, k] = transposeA ? [columns, rows] : [rows, columns]
  const n = b.dims[transposeB ? 0 : 1]!
  const c = a.device.empty('float64', [m, n])
  const left = strided(floatsOf(a, 'matmul'), 0, columns, transposeA)
  const right = strided(floatsOf(b, 'matmul'), 0, b.dims[1]!, transposeB)
  gemmTiled(m, n, k, left, right, c.data as Float64Array, freeTiles)
  return c
}
