/** Kinds of shifts of a packed weight, as the host numbers them. */
export const ZERO: i32 = 1
export const OFFSET: i32 = 2
export const CONSTANT: i32 = 3

/** The integer zeros of four rows of a group. */
// @ts-ignore: decorator
@inline
function zerosAt(header: usize, half: u32): v128 {
  const bytes = v128.load32_zero(header + 32 + (half << 2))
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes))
}

/**
 * Adds what a block of 32 columns gives to the sums of eight rows.
 *
 * @param sums  (8) float32
 * @param header  the numbers of the group
 * @param s0  integer products of rows 0 to 3, `s1` of rows 4 to 7
 * @param numbers  the unit of the activations, and their sum: times the zero of all groups where they
 *   have one, else as it is
 */
// @ts-ignore: decorator
@inline
export function addBlockSums(sums: usize, header: usize, s0: v128, s1: v128, numbers: usize, shiftKind: i32): void {
  const unit = v128.load32_splat(numbers)
  const sum = v128.load32_splat(numbers, 4)
  if (shiftKind == ZERO) {
    s0 = i32x4.sub(s0, i32x4.mul(sum, zerosAt(header, 0)))
    s1 = i32x4.sub(s1, i32x4.mul(sum, zerosAt(header, 1)))
  } else if (shiftKind == OFFSET) {
    const total = f32x4.mul(unit, f32x4.convert_i32x4_s(sum))
    v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(v128.load(header, 32), total)))
    v128.store(sums, f32x4.add(v128.load(sums, 16), f32x4.mul(v128.load(header, 48), total)), 16)
  } else {
    s0 = i32x4.sub(s0, sum)
    s1 = i32x4.sub(s1, sum)
  }
  const y0 = f32x4.mul(f32x4.convert_i32x4_s(s0), f32x4.mul(v128.load(header), unit))
  const y1 = f32x4.mul(f32x4.convert_i32x4_s(s1), f32x4.mul(v128.load(header, 16), unit))
  v128.store(sums, f32x4.add(v128.load(sums), y0))
  v128.store(sums, f32x4.add(v128.load(sums, 16), y1), 16)
}
