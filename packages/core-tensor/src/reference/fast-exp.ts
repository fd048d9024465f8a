/** Parts of an octave that the table tells apart. */
const PARTS = 32
/** Float32 has nothing between 0 and e⁻¹⁰⁴. */
const LOWEST = -104
const PARTS_PER_UNIT = PARTS / Math.LN2
const UNITS_PER_PART = Math.LN2 / PARTS

let powers: Float64Array | undefined

/**
 * 2^(−n/32) down to e⁻¹⁰⁴, for {@link fastExp}; made when first asked for. Square roots, products and
 * halves are exact operations, so the table is the same on every engine.
 */
export function powersOfTwo(): Float64Array {
  if (powers !== undefined) return powers
  powers = new Float64Array(1 - Math.floor(LOWEST * PARTS_PER_UNIT))
  let part = 1 / 2
  for (let parts = 1; parts < PARTS; parts *= 2) part = Math.sqrt(part)
  powers[0] = 1
  for (let n = 1; n < powers.length; n++)
    powers[n] = n < PARTS ? powers[n - 1]! * part : powers[n - PARTS]! / 2
  return powers
}

/**
 * eˣ for x ≤ 0, within 10⁻⁸ of it, and 0 where float32 has nothing smaller: all that a softmax needs,
 * in half the time of `Math.exp`, and from IEEE operations alone, so the same on every engine.
 *
 * With n whole and −ln 2 / 32 < r ≤ 0: eˣ = 2^(−n/32) · eʳ, the first from the table, the second from
 * the Taylor polynomial of degree 3.
 */
export function fastExp(x: number, table: Float64Array): number {
  if (x < LOWEST) return 0
  const n = (x * -PARTS_PER_UNIT) | 0
  const r = x + n * UNITS_PER_PART
  return table[n]! * (1 + r * (1 + r * (1 / 2 + r * (1 / 6))))
}
