/**
 * The pass over a matrix that both Householder reductions make for each reflector:
 * A ← A − u·yᵀ − x·vᵀ from row `start` and the column after it on, and Aᵀ·w of what that leaves.
 *
 * @param data  (n, n), where w has n elements, 0 before `start`
 */
export function updateAndMultiply(
  data: Float64Array,
  { u, y, x, v }: Record<'u' | 'y' | 'x' | 'v', Float64Array>,
  w: Float64Array,
  start: number,
): Float64Array<ArrayBuffer> {
  const n = w.length
  const product = new Float64Array(n)
  for (let i = start; i < n; i++) {
    const row = i * n
    const ui = u[i]!
    const xi = x[i]!
    const wi = w[i]!
    for (let k = start + 1; k < n; k++) {
      const value = data[row + k]! - (ui * y[k]! + xi * v[k]!)
      data[row + k] = value
      product[k]! += wi * value
    }
  }
  return product
}
