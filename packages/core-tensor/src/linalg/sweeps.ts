import { NumericalError } from '../errors.ts'
import type { Pace } from '../job.ts'
import type { ColumnRotations } from './column-rotations.ts'
import { VANISHING } from './matrix.ts'

/** Two or three for each value are usual; the limit is there so that nothing can hang. */
const SWEEPS = 60

/** The indices of some values, those of the largest first. */
export function descending(values: Float64Array): number[] {
  return Array.from(values.keys()).sort((i, j) => values[j]! - values[i]!)
}

/**
 * QR sweeps down each unreduced block of a bidiagonal until d holds the singular values up to sign.
 *
 * @param d  (n) the diagonal
 * @param e  (n) above it, the last 0
 */
export async function diagonalize(
  d: Float64Array,
  e: Float64Array,
  [left, right]: readonly [ColumnRotations, ColumnRotations],
  step: Pace,
  where: string,
): Promise<void> {
  const negligible = negligibleOf(d, e)
  let sweeps = SWEEPS * d.length
  for (let bottom = d.length - 1; bottom >= 0; bottom--) {
    for (;;) {
      let top = bottom
      while (top > 0 && Math.abs(e[top - 1]!) > negligible) top--
      if (top === bottom) break
      if (sweeps-- === 0) {
        throw new NumericalError(`[${where}] expected convergence in ${SWEEPS} sweeps a value`)
      }
      const shift = shiftOf(d[bottom - 1]!, e[bottom - 1]!, d[bottom]!)
      const first = d[top]!
      // Next to a tiny shift or first element, zero converges at once, and loses nothing.
      const shifted = Math.abs(first) > negligible && (shift / first) ** 2 > Number.EPSILON
      let f = shifted ? (Math.abs(first) - shift) * (Math.sign(first) + shift / first) : first
      let g = e[top]!
      for (let i = top; i < bottom; i++) {
        let [c, s, r] = rotation(f, g)
        if (i > top) e[i - 1] = r
        right.rotate(i, c, s)
        f = c * d[i]! + s * e[i]!
        e[i] = c * e[i]! - s * d[i]!
        g = s * d[i + 1]!
        d[i + 1]! *= c
        ;[c, s, r] = rotation(f, g)
        d[i] = r
        left.rotate(i, c, s)
        f = c * e[i]! + s * d[i + 1]!
        d[i + 1] = c * d[i + 1]! - s * e[i]!
        if (i + 1 < bottom) {
          g = s * e[i + 1]!
          e[i + 1]! *= c
        }
      }
      e[bottom - 1] = f
    }
    await step()
  }
  left.flush()
  right.flush()
}

/** The smaller singular value of [[f, g], [0, h]]: |det| over the larger one. */
function shiftOf(f: number, g: number, h: number): number {
  const sum = Math.abs(f) + Math.abs(h)
  const difference = Math.abs(f) - Math.abs(h)
  return (2 * Math.abs(f * h)) / (Math.sqrt(sum * sum + g * g) + Math.sqrt(difference * difference + g * g))
}

/** The rotation that turns (f, g) into (r, 0), next to elements near 1. */
function rotation(f: number, g: number): [c: number, s: number, r: number] {
  const squares = f * f + g * g
  if (squares < VANISHING) return [1, 0, f]
  const r = Math.sqrt(squares)
  return [f / r, g / r, r]
}

/** What QR sweeps count as 0 beside the diagonal: the rounding of the largest elements of d and e. */
function negligibleOf(d: Float64Array, e: Float64Array): number {
  let norm = 0
  for (let i = 0; i < d.length; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!))
  return Number.EPSILON * norm
}
