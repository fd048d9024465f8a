import { attendingCases } from './cases/attending.ts'
import { elementwiseCases } from './cases/elementwise.ts'
import { movementCases } from './cases/movement.ts'
import { productCases } from './cases/products.ts'
import { quantisedCases } from './cases/quantised.ts'
import { reductionCases } from './cases/reductions.ts'
import type { KernelCase } from './describe-device.ts'

/**
 * What the core kernels do on every device: each against a formula in plain loops, in float64 or in
 * the exact order that the kernel states, over sizes of 0, 1, odd and large.
 */
export const coreCases: readonly KernelCase[] = [
  ...movementCases,
  ...elementwiseCases,
  ...reductionCases,
  ...productCases,
  ...attendingCases,
  ...quantisedCases,
]
