import type { DeviceKernels, Kernels } from '../device/kernels.ts'
import { attention } from './kernels/attention.ts'
import { coding } from './kernels/coding.ts'
import { elementwise } from './kernels/elementwise.ts'
import { movement } from './kernels/movement.ts'
import { products } from './kernels/products.ts'
import { rows } from './kernels/rows.ts'
import { training } from './kernels/training.ts'
import type { PrimitiveName, Primitives } from './primitives.ts'

/** The primitive behind each kernel that does not carry its name. */
const primitiveOf: { readonly [N in keyof Kernels]?: PrimitiveName } = {
  matmul: 'gemm',
  gram: 'gemm',
  cast: 'convert',
  rope: 'rotate',
  rotateHeads: 'rotate',
  linearSparse: 'linearTwoOfFour',
}

/**
 * The kernel table of a compiled host device: what its primitives can do goes to them, and whatever
 * else a call asks for (other dtypes, options, or arguments that do not fit) to the reference.
 */
export function acceleratedKernels(primitives: Primitives): DeviceKernels {
  const all: DeviceKernels = {
    ...products(primitives),
    ...elementwise(primitives),
    ...rows(primitives),
    ...movement(primitives),
    ...attention(primitives),
    ...coding(primitives),
    ...training(primitives),
  }
  const offered = Object.entries(all).filter(([name]) =>
    primitives.has(primitiveOf[name as keyof Kernels] ?? (name as PrimitiveName)),
  )
  return Object.freeze(Object.fromEntries(offered))
}
