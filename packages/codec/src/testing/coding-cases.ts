import type { KernelCase } from '@tersor/core-tensor/testing'
import { ransCases } from './rans-cases.ts'
import { unpackBitsCases } from './unpack-bits-cases.ts'

/**
 * What the coding kernels do on every host device, bit for bit: for
 * `describeDevice(create, [coreCases, codingCases])` of `@tersor/core-tensor/testing`.
 */
export const codingCases: readonly KernelCase[] = [...ransCases, ...unpackBitsCases]
