// Codes of a packed weight as vectors, and what scales them.
#pragma once
#include "products/gemm.h"
#include "packed/layout.h"

namespace {

/** Vectors that hold one number for each row of a tile. */
constexpr int NT = int(TILE_ROWS) / W;

/**
 * Calls f(step, t, codes) for the steps of one unit of codes that are stored in STORED bits, t telling the
 * vectors of a tile apart.
 */
template <int STORED, class F> INLINE void eachStep(const uint8_t *p, F f) {
  UNROLL for (int t = 0; t < NT; t++) {
    const uint8_t *at = p + t * 4 * W;
    if constexpr (STORED == 8) {
      f(0, t, load<vub>(at));
    } else if constexpr (STORED == 4) {
      vub v = load<vub>(at);
      f(0, t, v & 15);
      f(1, t, bitcast<vub>(bitcast<vus>(v) >> 4) & 15);
    } else if constexpr (STORED == 2) {
      vub v = load<vub>(at);
      UNROLL for (int s = 0; s < 4; s++) f(s, t, bitcast<vub>(bitcast<vus>(v) >> (2 * s)) & 3);
    } else {
      vub third = load<vub>(at + 128);
      UNROLL for (int half = 0; half < 2; half++) {
        vub v = load<vub>(at + 64 * half);
        UNROLL for (int s = 0; s < 4; s++) {
          const int step = 4 * half + s;
          vus moved = step <= 2 ? bitcast<vus>(third) << (2 - step) : bitcast<vus>(third) >> (step - 2);
          f(step, t, (bitcast<vub>(bitcast<vus>(v) >> (2 * s)) & 3) | (bitcast<vub>(moved) & 4));
        }
      }
    }
  }
}

template <int STORED> constexpr int stepsOf() { return STORED == 4 ? 2 : STORED == 2 ? 4 : STORED == 3 ? 8 : 1; }
template <int STORED> constexpr int bytesOfUnit() { return STORED == 3 ? 192 : 64; }

/** What a group adds to its rows' codes: (code · scale) and its shift, as floats. */
struct Head {
  vf scale[NT], shift[NT];
};

INLINE vf headNumbers(const uint8_t *p, int64_t type) {
  return type == 0 ? load<vf>(p) : fromHalf(reinterpret_cast<const uint16_t *>(p));
}

template <bool SHIFTED> INLINE Head headOf(const uint8_t *p, const PackedLayout &layout, float constant) {
  Head h;
  UNROLL for (int t = 0; t < NT; t++) {
    h.scale[t] = headNumbers(p + t * W * layout.scaleBytes(), layout.scaleType);
    if (!SHIFTED) {
      h.shift[t] = splat(constant);
      continue;
    }
    const uint8_t *shift = p + 16 * layout.scaleBytes() + t * W * layout.shiftBytes();
    switch (layout.shiftKind) {
      case 1: h.shift[t] = tofloat(__builtin_convertvector(load<vq>(shift), vi)); break;
      case 2: h.shift[t] = headNumbers(shift, layout.scaleType); break;
      default: h.shift[t] = splat(constant);
    }
  }
  return h;
}

/**
 * sum += (dots·unit − zero·ones)·scale, or dots·unit·scale + offset·ones, where `ones` is the sum of the
 * activations. Without SHIFTED, `ones` has been multiplied by minus the zero that all groups share.
 */
template <bool SHIFTED> INLINE void addGroup(vf sum[NT], const vf dots[NT], const Head &h, int64_t shiftKind, float unit, float ones) {
  const vf u = splat(unit), o = splat(ones);
  UNROLL for (int t = 0; t < NT; t++) {
    if (!SHIFTED) sum[t] = fma(fma(dots[t], u, o), h.scale[t], sum[t]);
    else if (shiftKind == 1) sum[t] = fma(fma(dots[t], u, -(h.shift[t] * o)), h.scale[t], sum[t]);
    else sum[t] = fma(h.shift[t], o, fma(dots[t] * u, h.scale[t], sum[t]));
  }
}

/** Codes as bytes in steps of four columns. */
template <int STORED> void unpackToBytes(uint8_t *out, const uint8_t *codes, int64_t columns) {
  constexpr int steps = stepsOf<STORED>();
  for (int64_t column = 0; column < columns; column += 4 * steps, codes += bytesOfUnit<STORED>(), out += steps * 64)
    eachStep<STORED>(codes, [&](int step, int t, vub v) INLINED { store(out + step * 64 + t * 4 * W, v); });
}

/** What codes stand for, column after column. */
template <int STORED> void unpackToFloats(float *out, const uint8_t *codes, int64_t columns, const Head &h, bool offsets) {
  constexpr int steps = stepsOf<STORED>();
  for (int64_t column = 0; column < columns; column += 4 * steps, codes += bytesOfUnit<STORED>(), out += steps * 64)
    eachStep<STORED>(codes, [&](int step, int t, vub v) INLINED {
      UNROLL for (int j = 0; j < 4; j++) {
        const vf code = tofloat((bitcast<vi>(v) >> (8 * j)) & 255);
        storef(out + step * 64 + j * TILE_ROWS + t * W, offsets ? fma(code, h.scale[t], h.shift[t]) : (code - h.shift[t]) * h.scale[t]);
      }
    });
}

/** Where the first and the last two bytes of four lie as the lower or upper bytes of words. */
constexpr char FIRST_TWO[] = "\x00\x80\x01\x80\x04\x80\x05\x80\x08\x80\x09\x80\x0c\x80\x0d\x80";
constexpr char LAST_TWO[] = "\x02\x80\x03\x80\x06\x80\x07\x80\x0a\x80\x0b\x80\x0e\x80\x0f\x80";
constexpr char FIRST_TWO_UPPER[] = "\x80\x00\x80\x01\x80\x04\x80\x05\x80\x08\x80\x09\x80\x0c\x80\x0d";
constexpr char LAST_TWO_UPPER[] = "\x80\x02\x80\x03\x80\x06\x80\x07\x80\x0a\x80\x0b\x80\x0e\x80\x0f";

/** A table of at most 16 levels as 15-bit integers, in two bytes; `unit` is what one of them stands for. */
struct Table16 {
  vub low, high;
  float unit;
};

/** The levels that codes stand for, as words in steps of two columns. */
template <int STORED> void unpackLevels(uint8_t *out, const uint8_t *codes, int64_t columns, const Table16 &table) {
  constexpr int steps = stepsOf<STORED>();
  const vub first = repeat16(FIRST_TWO), last = repeat16(LAST_TWO), firstUpper = repeat16(FIRST_TWO_UPPER), lastUpper = repeat16(LAST_TWO_UPPER);
  for (int64_t column = 0; column < columns; column += 4 * steps, codes += bytesOfUnit<STORED>(), out += steps * 128)
    eachStep<STORED>(codes, [&](int step, int t, vub v) INLINED {
      const vub low = lookup16(table.low, v), high = lookup16(table.high, v);
      store(out + step * 128 + t * 4 * W, lookup16(low, first) | lookup16(high, firstUpper));
      store(out + step * 128 + 64 + t * 4 * W, lookup16(low, last) | lookup16(high, lastUpper));
    });
}

}  // namespace
