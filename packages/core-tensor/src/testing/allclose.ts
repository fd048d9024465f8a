import { expect } from 'vitest'
import { toFloat64 } from '../tensor/convert.ts'
import type { TensorLike } from '../tensor/tensor.ts'

/** How far two numbers may be apart: |actual − expected| ≤ atol + rtol · |expected|. */
export interface Tolerance {
  /** Relative; 1e-5 by default. */
  rtol?: number | undefined
  /** Absolute; 1e-8 by default. */
  atol?: number | undefined
}

/** What can be compared: a tensor on a host device, or numbers. */
export type Comparable = TensorLike | ArrayLike<number>

/**
 * Compares as NumPy's `allclose`, except that NaN equals NaN: infinities must be the same ones.
 *
 * @returns undefined where all elements are close, else a message that names the first of the worst
 */
export function allcloseProblem(
  actual: Comparable,
  expected: Comparable,
  tolerance: Tolerance = {},
): string | undefined {
  const { rtol = 1e-5, atol = 1e-8 } = tolerance
  const [a, b] = [toNumbers(actual), toNumbers(expected)]
  if (a.length !== b.length) return `expected ${b.length} elements, got ${a.length}`
  let worst = 0
  let at = -1
  let count = 0
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    const excess = Math.abs(a[i]! - b[i]!) / (atol + rtol * Math.abs(b[i]!))
    if (excess <= 1) continue
    count++
    // Not a number, or divided by a tolerance of zero: as bad as can be.
    const badness = Number.isNaN(excess) ? Infinity : excess
    if (at === -1 || badness > worst) {
      worst = badness
      at = i
    }
  }
  if (at === -1) return undefined
  return (
    `expected element ${at}${coordinates(actual, at)} to be ${b[at]} within ${rtol} · |expected| + ${atol}, got ${a[at]}, ` +
    `off by ${Math.abs(a[at]! - b[at]!)}; ${count} of ${a.length} elements are out of tolerance, this one the most`
  )
}

/**
 * Adds `expect(actual).toBeAllclose(expected, { rtol, atol })` to vitest: for tensors on host devices
 * and arrays of numbers. Call it once at the top of a test file.
 *
 * @example
 * import { expect } from 'vitest'
 * installMatchers()
 * expect([1, 2]).toBeAllclose([1, 2 + 1e-7])
 */
export function installMatchers(): void {
  expect.extend({
    toBeAllclose(actual: Comparable, expected: Comparable, tolerance?: Tolerance) {
      const problem = allcloseProblem(actual, expected, tolerance)
      return {
        pass: problem === undefined,
        message: () => problem ?? 'expected some element to be out of tolerance, but all are close',
      }
    },
  })
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: vitest declares it so.
  interface Matchers<T = any> {
    toBeAllclose(expected: Comparable, tolerance?: Tolerance): T
  }
}

function toNumbers(values: Comparable): ArrayLike<number> {
  return 'dims' in values ? toFloat64(values) : values
}

/** The index along every axis, for tensors of more than one. */
function coordinates(values: Comparable, at: number): string {
  if (!('dims' in values) || values.dims.length < 2) return ''
  const index: number[] = []
  for (const dim of [...values.dims].reverse()) {
    index.unshift(at % dim)
    at = Math.floor(at / dim)
  }
  return ` [${index}]`
}
