import { fromAnyHalf } from '../elementwise/widen'

/** Two values to their positions, two bits each, among four columns of zeros. */
// @ts-ignore: decorator
@inline
function place(to: usize, first: u32, second: u32, positions: u32): void {
  v128.store(to, i32x4.splat(0))
  i32.store(to + ((positions & 3) << 2), first)
  i32.store(to + (((positions >> 2) & 3) << 2), second)
}

/**
 * `length` columns, a multiple of 8, of a matrix with two values in each four: from the eight
 * columns `at`, counted over all rows.
 */
export function unpackTwoOfFour(to: usize, values: usize, index: usize, at: u32, length: u32, type: i32): void {
  const end = at + (length >> 3)
  for (; at < end; at++, to += 32) {
    const four = type == 0 ? v128.load(values + (<usize>at << 4)) : fromAnyHalf(v128.load16x4_s(values + (<usize>at << 3)))
    const positions = <u32>load<u8>(index + at)
    place(to, i32x4.extract_lane(four, 0), i32x4.extract_lane(four, 1), positions)
    place(to + 16, i32x4.extract_lane(four, 2), i32x4.extract_lane(four, 3), positions >> 4)
  }
}
