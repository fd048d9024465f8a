import { affineCases } from './cases/affine.ts'
import { attendingCases } from './cases/attention.ts'
import { codebookAndSparseCases } from './cases/codebook-and-sparse.ts'
import { elementwiseCases } from './cases/elementwise.ts'
import { hadamardCases } from './cases/hadamard.ts'
import { misuseCases } from './cases/misuse.ts'
import { movementCases } from './cases/movement.ts'
import { packedWeightCases } from './cases/packed-weights.ts'
import { productCases } from './cases/products.ts'
import { reductionCases } from './cases/reductions.ts'
import { ropeCases } from './cases/rope.ts'
import { selectingCases } from './cases/selecting.ts'
import type { KernelCase } from './describe-device.ts'

/**
 * What the core kernels do on every device: each against a formula in plain loops, in float64 or in
 * the exact order that the kernel states, over sizes of 0, 1, odd and large.
 */
export const coreCases: readonly KernelCase[] = [
  ...movementCases,
  ...elementwiseCases,
  ...reductionCases,
  ...selectingCases,
  ...productCases,
  ...hadamardCases,
  ...attendingCases,
  ...ropeCases,
  ...affineCases,
  ...codebookAndSparseCases,
  ...packedWeightCases,
  ...misuseCases,
]
