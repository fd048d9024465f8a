import { NumericalError, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'

/**
 * Scales gradients in place so that their norm, over all of them, is at most `norm` (Pascanu et al.,
 * 2013, arXiv:1211.5063).
 *
 * @returns their norm before
 * @throws {NumericalError} when it is not finite
 * @example
 * const gradients = new Map([['a', new Tensor('float32', [3, 4], [2])]])
 * clipGradients(gradients, { norm: 1 }) // => 5
 * gradients.get('a')?.data // => Float32Array [0.6, 0.8]
 */
export function clipGradients(gradients: ReadonlyMap<string, Tensor>, { norm }: { norm: number }): number {
  const where = 'distill/clip-gradients'
  let squares = 0
  for (const gradient of gradients.values()) {
    const data = floatData(gradient, where)
    let sum = 0
    for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!
    squares += sum
  }
  const before = Math.sqrt(squares)
  if (!Number.isFinite(before)) {
    throw new NumericalError(`[${where}] expected finite gradients, got a norm of ${before}; lower the rate`)
  }
  if (before <= norm) return before
  const scale = norm / before
  for (const gradient of gradients.values()) {
    const data = floatData(gradient, where)
    for (let i = 0; i < data.length; i++) data[i]! *= scale
  }
  return before
}
