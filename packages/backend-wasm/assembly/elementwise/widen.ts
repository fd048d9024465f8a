/** Bits of float16, as 32-bit lanes with the sign repeated above, to float32; numbers only. */
// @ts-ignore: decorator
@inline
export function fromHalf(extended: v128): v128 {
  // Moved to float32's place the exponent is 112 too low; multiplying mends that, also for subnormals.
  return f32x4.mul(v128.and(i32x4.shl(extended, 13), i32x4.splat(0x8fffe000)), f32x4.splat(5.192296858534828e33))
}

/** The same with infinities and NaN, whose bits are kept. */
// @ts-ignore: decorator
@inline
export function fromAnyHalf(extended: v128): v128 {
  const moved = v128.and(i32x4.shl(extended, 13), i32x4.splat(0x8fffe000))
  const special = i32x4.eq(v128.and(extended, i32x4.splat(0x7c00)), i32x4.splat(0x7c00))
  return v128.bitselect(v128.or(moved, i32x4.splat(0x7f800000)), fromHalf(extended), special)
}

// @ts-ignore: decorator
@inline
function halves(to: usize, h: v128): void {
  const low = i32x4.extend_low_i16x8_s(h)
  const high = i32x4.extend_high_i16x8_s(h)
  const mask = i16x8.splat(0x7c00)
  if (v128.any_true(i16x8.eq(v128.and(h, mask), mask))) {
    v128.store(to, fromAnyHalf(low))
    v128.store(to, fromAnyHalf(high), 16)
  } else {
    v128.store(to, fromHalf(low))
    v128.store(to, fromHalf(high), 16)
  }
}

/** Two vectors with one test for both. */
// @ts-ignore: decorator
@inline
function halvesTwice(to: usize, g: v128, h: v128): void {
  const mask = i16x8.splat(0x7c00)
  const special = v128.or(i16x8.eq(v128.and(g, mask), mask), i16x8.eq(v128.and(h, mask), mask))
  if (v128.any_true(special)) {
    halves(to, g)
    halves(to + 32, h)
  } else {
    v128.store(to, fromHalf(i32x4.extend_low_i16x8_s(g)))
    v128.store(to, fromHalf(i32x4.extend_high_i16x8_s(g)), 16)
    v128.store(to, fromHalf(i32x4.extend_low_i16x8_s(h)), 32)
    v128.store(to, fromHalf(i32x4.extend_high_i16x8_s(h)), 48)
  }
}

// @ts-ignore: decorator
@inline
function fromE4m3(extended: v128): v128 {
  const value = f32x4.mul(v128.and(i32x4.shl(extended, 20), i32x4.splat(0x87f00000)), f32x4.splat(1.329227995784916e36))
  const nan = i32x4.eq(v128.and(extended, i32x4.splat(127)), i32x4.splat(127))
  return v128.bitselect(i32x4.splat(0x7fc00000), value, nan)
}

/**
 * Elements `at` to `at + count` of a float type as float32, exactly. Writes up to 7 floats past the
 * last, and reads up to 15 bytes past it.
 */
export function widen(to: usize, from: usize, at: u32, count: u32, type: i32): void {
  const end = to + (<usize>count << 2)
  if (type == 0) memory.copy(to, from + (<usize>at << 2), <usize>count << 2)
  else if (type == 1) {
    from += <usize>at << 1
    for (; to + 64 <= end; to += 64, from += 32) halvesTwice(to, v128.load(from), v128.load(from, 16))
    for (; to < end; to += 32, from += 16) halves(to, v128.load(from))
  } else if (type == 2) {
    const zero = i16x8.splat(0)
    for (from += <usize>at << 1; to < end; to += 32, from += 16) {
      const h = v128.load(from)
      v128.store(to, i8x16.shuffle(zero, h, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23))
      v128.store(to, i8x16.shuffle(zero, h, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31), 16)
    }
  } else if (type == 3) {
    for (from += at; to < end; to += 32, from += 8) {
      const bytes = v128.load8x8_s(from)
      v128.store(to, fromE4m3(i32x4.extend_low_i16x8_s(bytes)))
      v128.store(to, fromE4m3(i32x4.extend_high_i16x8_s(bytes)), 16)
    }
  } else {
    // float8e5m2 is the upper half of float16.
    for (from += at; to < end; to += 32, from += 8) halves(to, i16x8.shl(v128.load8x8_u(from), 8))
  }
}
