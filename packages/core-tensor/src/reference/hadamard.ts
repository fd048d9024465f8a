import { kernel } from '../device/kernel.ts'
import type { Out } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { floatType, output } from './output.ts'

/** The block that the transform of `n` elements works in: the largest power of two that divides n. */
export function hadamardBlock(n: number): number {
  let block = 1
  while (n > 0 && n % (2 * block) === 0) block *= 2
  return block
}

/**
 * The orthonormal Walsh–Hadamard transform of the last axis, in blocks of the largest power of two
 * that divides it: y = (x ∘ signs)·H/√block. H is symmetric, so without signs it is its own inverse.
 * Exact: butterflies of width 1, 2, 4, … in float32, the scale last.
 *
 * @param x  (…, n)
 * @param options.signs  (n) of ±1
 * @param options.inverse  y = (x·H/√block) ∘ signs
 * @example
 * hadamard(new Tensor('float32', [1, 0, 0, 0], [1, 4])).data // => Float32Array [0.5, 0.5, 0.5, 0.5]
 */
export const hadamard = /* @__PURE__ */ kernel('hadamard', hadamardReference)

function hadamardReference(
  x: Tensor,
  options: Out & { signs?: Tensor | undefined; inverse?: boolean | undefined } = {},
): Tensor {
  const n = x.dims.at(-1)
  if (n === undefined || (options.signs !== undefined && options.signs.size !== n)) {
    throw new ShapeError(
      `[hadamard] expected x (…, n) and signs (n), got [${x.dims}] and [${options.signs?.dims ?? 'none'}]`,
    )
  }
  const { values, done } = output('hadamard', x.device, floatType(x), x.dims, options)
  const signs = options.signs === undefined ? undefined : floats(options.signs)
  const block = hadamardBlock(n)
  values.set(floats(x))
  if (signs !== undefined && !options.inverse) flip(values, signs)
  for (let width = 1; width < block; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      for (let i = start; i < start + width; i++) {
        const a = values[i]!
        const b = values[i + width]!
        values[i] = a + b
        values[i + width] = a - b
      }
    }
  }
  const exact = 1 / Math.sqrt(block)
  const scale = values instanceof Float32Array ? Math.fround(exact) : exact
  for (let i = 0; i < values.length; i++) values[i]! *= scale
  if (signs !== undefined && options.inverse) flip(values, signs)
  return done()
}

function flip(values: Float32Array | Float64Array, signs: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) values[i]! *= signs[i % signs.length]!
}
