import { exp } from '@tersor/core-tensor/portable-math'

/**
 * Φ⁻¹: what a standard normal variable stays below with this probability. Newton's steps on Φ, whose series of odd powers
 * converges everywhere.
 *
 * @param probability  from 0 to 1, both excluded
 */
export function normalQuantile(probability: number): number {
  let x = 0
  for (let step = 0; step < 60; step++) {
    const density = exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
    const next = x - (cumulative(x, density) - probability) / density
    if (Math.abs(next - x) < 1e-15 * Math.max(1, Math.abs(x))) return next
    // Far out the density is small and a whole step would overshoot.
    x = Math.abs(next - x) > 1 ? x + Math.sign(next - x) : next
  }
  return x
}

/** Φ(x) = ½ + φ(x) · (x + x³/3 + x⁵/15 + …) */
function cumulative(x: number, density: number): number {
  let [term, sum] = [x, x]
  for (let n = 3; Math.abs(term) > 1e-18; n += 2) {
    term *= (x * x) / n
    sum += term
  }
  return 0.5 + density * sum
}
