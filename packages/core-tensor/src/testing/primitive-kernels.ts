import { acceleratedKernels } from '../host/accelerated-kernels.ts'

/**
 * The kernels of a compiled device that implements every primitive. Primitives are matched by name, and
 * one whose name is misspelt is no error: its kernel runs the reference. So a device compares
 * `Object.keys(device.kernels)` with these.
 */
export function primitiveKernels(): readonly string[] {
  return Object.keys(acceleratedKernels({ run: () => {}, has: () => true, packedBytes: () => 0 }))
}
