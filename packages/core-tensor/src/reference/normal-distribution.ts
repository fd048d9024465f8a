/** Beyond this many deviations the continued fraction takes fewer terms than the series. */
const SERIES_END = 2

/**
 * Φ(x), the share of a standard normal distribution below x, which is (1 + erf(x / √2)) / 2. The relative
 * error is a few units of float64 also where Φ is tiny.
 *
 * With φ the density and t = |x|: Φ(t) − ½ = φ(t) · (t + t³/3 + t⁵/(3·5) + …), and
 * 1 − Φ(t) = φ(t) / (t + 1/(t + 2/(t + 3/(t + …)))), of which the farther out, the fewer terms are needed.
 */
export function normalDistribution(x: number): number {
  const t = Math.abs(x)
  const density = Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)
  if (t < SERIES_END) {
    let term = t
    let sum = 0
    for (let odd = 3; term > sum * 2 ** -54; odd += 2) {
      sum += term
      term *= (t * t) / odd
    }
    return x < 0 ? 0.5 - density * sum : 0.5 + density * sum
  }
  let below = t
  for (let n = Math.ceil(16 + 500 / (t * t)); n > 0; n--) below = t + n / below
  return x < 0 ? density / below : 1 - density / below
}
