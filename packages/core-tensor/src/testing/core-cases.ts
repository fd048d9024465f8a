import { attentionCases } from './cases/attention.ts'
import { castCases } from './cases/elementwise/cast.ts'
import { unaryBinaryCases } from './cases/elementwise/unary-binary.ts'
import { misuseCases } from './cases/misuse.ts'
import { movementCases } from './cases/movement.ts'
import { affineCases } from './cases/packed/affine.ts'
import { codebookAndSparseCases } from './cases/packed/codebook-and-sparse.ts'
import { packedWeightCases } from './cases/packed/packed-weights.ts'
import { productCases } from './cases/products.ts'
import { hadamardCases } from './cases/rows/hadamard.ts'
import { reductionCases } from './cases/rows/reductions.ts'
import { ropeCases } from './cases/rows/rope.ts'
import { selectingCases } from './cases/rows/selecting.ts'
import type { KernelCase } from './describe-device.ts'

/**
 * What the core kernels do on every device, family by family: each against a formula in plain loops, in
 * float64 or in the exact order that the kernel states, over sizes of 0, 1, odd and large.
 */
export const coreCases: readonly KernelCase[] = [
  ...productCases,
  ...[...castCases, ...unaryBinaryCases],
  ...[...reductionCases, ...selectingCases, ...hadamardCases, ...ropeCases],
  ...movementCases,
  ...attentionCases,
  ...[...affineCases, ...codebookAndSparseCases, ...packedWeightCases],
  ...misuseCases,
]
