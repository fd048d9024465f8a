// Transposition, folds over an axis, and unpacking of bits.
#pragma once
#include "rows.h"

namespace {

INLINE void transpose4(f4 &a, f4 &b, f4 &c, f4 &d) {
  f4 ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  f4 cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

/** x (rows, columns) with rows `from` apart to y (columns, rows) with rows `to` apart. */
INLINE void transposeBlock(float *y, int64_t to, const float *x, int64_t from, int64_t rows, int64_t columns) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      const float *p = x + r * from + c;
      f4 v0 = load<f4>(p), v1 = load<f4>(p + from), v2 = load<f4>(p + 2 * from), v3 = load<f4>(p + 3 * from);
      transpose4(v0, v1, v2, v3);
      float *q = y + c * to + r;
      store(q, v0);
      store(q + to, v1);
      store(q + 2 * to, v2);
      store(q + 3 * to, v3);
    }
    for (; c < columns; c++)
      for (int64_t i = r; i < r + 4; i++) y[c * to + i] = x[i * from + c];
  }
  for (; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) y[c * to + r] = x[r * from + c];
}

void transpose(const Call &call, Member &member) {
  const int64_t outer = call.size(0), a = call.size(1), b = call.size(2), inner = call.size(3);
  float *y = call.at<float>(0);
  const float *x = call.at<const float>(1);
  if (inner == 1) {
    // Blocks of 32 by 32: a line of the cache each way, twice over.
    const int64_t block = 32, down = ceilDivide(a, block), across = ceilDivide(b, block);
    member.share(outer * down, [&](int64_t item) {
      const int64_t o = item / down, i = item % down * block;
      for (int64_t j = 0; j < across * block; j += block)
        transposeBlock(y + o * a * b + j * a + i, a, x + o * a * b + i * b + j, b, least(block, a - i), least(block, b - j));
    });
    return;
  }
  const int64_t height = most(1, CHUNK / most(1, b * inner));
  member.share(outer * ceilDivide(a, height), [&](int64_t item) {
    const int64_t o = item / ceilDivide(a, height), first = item % ceilDivide(a, height) * height;
    for (int64_t i = first; i < least(a, first + height); i++)
      for (int64_t j = 0; j < b; j++)
        memcpy(y + ((o * b + j) * a + i) * inner, x + ((o * a + i) * b + j) * inner, size_t(4 * inner));
  });
}

// ---- folds

enum ReduceOp { SUM, MAXIMUM, ABS_MAX, SUM_SQUARES };

template <int OP> INLINE vf firstOf() { return OP == MAXIMUM ? splat(-__builtin_inff()) : vf{}; }

template <int OP> INLINE vf fold(vf sum, vf x) {
  if constexpr (OP == SUM) return sum + x;
  if constexpr (OP == SUM_SQUARES) return fma(x, x, sum);
  if constexpr (OP == MAXIMUM) return maxExact(sum, x);
  // Magnitudes order as integers do, NaN above infinity.
  vi a = bitcast<vi>(sum), b = bitcast<vi>(x) & 0x7fffffff;
  return bitcast<vf>(a > b ? a : b);
}

/** Folds of folds, where squares are no longer to be squared. */
template <int OP> INLINE vf join(vf a, vf b) { return fold<OP == SUM_SQUARES ? SUM : OP>(a, b); }

/** Elements that are summed in float32 before float64 takes over. */
constexpr int64_t SHORT_SUM = 64 * W;

template <int OP> NOINLINE float reduceRow(const float *x, int64_t length) {
  double total = 0;
  vf best = firstOf<OP>();
  for (int64_t start = 0; start < length; start += SHORT_SUM) {
    const int64_t end = least(length, start + SHORT_SUM);
    vf a = firstOf<OP>(), b = a, c = a, d = a;
    int64_t i = start;
    for (; i + 4 * W <= end; i += 4 * W) {
      a = fold<OP>(a, loadf(x + i));
      b = fold<OP>(b, loadf(x + i + W));
      c = fold<OP>(c, loadf(x + i + 2 * W));
      d = fold<OP>(d, loadf(x + i + 3 * W));
    }
    for (; i < end; i += W)
      a = fold<OP>(a, i + W <= end ? loadf(x + i) : loadPart(x + i, int(end - i), OP == MAXIMUM ? -__builtin_inff() : 0));
    vf all = join<OP>(join<OP>(a, b), join<OP>(c, d));
    if (OP == SUM || OP == SUM_SQUARES) total += sumOf(all);
    else best = join<OP>(best, all);
  }
  if (OP == SUM || OP == SUM_SQUARES) return float(total);
  float lanes[W];
  storef(lanes, best);
  vf result = splat(lanes[0]);
  for (int i = 1; i < W; i++) result = join<OP>(result, splat(lanes[i]));
  return result[0];
}

/** N · W neighbouring folds down a column, in two levels so that long sums stay exact enough. */
template <int OP, int N> INLINE void reduceColumns(float *y, const float *x, int64_t length, int64_t inner) {
  vf total[N];
  for (int n = 0; n < N; n++) total[n] = firstOf<OP>();
  for (int64_t start = 0; start < length; start += 256) {
    vf part[N];
    for (int n = 0; n < N; n++) part[n] = firstOf<OP>();
    for (int64_t i = start; i < least(length, start + 256); i++)
      for (int n = 0; n < N; n++) part[n] = fold<OP>(part[n], loadf(x + i * inner + n * W));
    for (int n = 0; n < N; n++) total[n] = join<OP>(total[n], part[n]);
  }
  for (int n = 0; n < N; n++) storef(y + n * W, total[n]);
}

template <int OP> void reduceAll(const Call &call, Member &member) {
  const int64_t outer = call.size(1), length = call.size(2), inner = call.size(3);
  float *y = call.at<float>(0);
  const float *x = call.at<const float>(1);
  if (inner == 1) {
    shareRows(member, outer, length, [&](int64_t o) { y[o] = reduceRow<OP>(x + o * length, length); });
    return;
  }
  const int64_t strip = 4 * W, strips = ceilDivide(inner, strip);
  member.share(outer * strips, [&](int64_t item) {
    const int64_t o = item / strips, end = least(inner, (item % strips + 1) * strip);
    const float *from = x + o * length * inner;
    int64_t i = item % strips * strip;
    if (i + strip <= end) return reduceColumns<OP, 4>(y + o * inner + i, from + i, length, inner);
    for (; i + W <= end; i += W) reduceColumns<OP, 1>(y + o * inner + i, from + i, length, inner);
    for (; i < end; i++) {
      vf total = firstOf<OP>();
      for (int64_t start = 0; start < length; start += 256) {
        vf part = firstOf<OP>();
        for (int64_t at = start; at < least(length, start + 256); at++) part = fold<OP>(part, splat(from[at * inner + i]));
        total = join<OP>(total, part);
      }
      y[o * inner + i] = total[0];
    }
  });
}

void reduce(const Call &call, Member &member) {
  switch (call.size(0)) {
    case SUM: return reduceAll<SUM>(call, member);
    case MAXIMUM: return reduceAll<MAXIMUM>(call, member);
    case ABS_MAX: return reduceAll<ABS_MAX>(call, member);
    default: return reduceAll<SUM_SQUARES>(call, member);
  }
}

// ---- bits

/** One row of codes, least significant bits first. */
template <class T> NOINLINE void unpackRow(T *out, const uint8_t *packed, int64_t columns, int64_t bits) {
  if (bits == 8) {
    for (int64_t i = 0; i < columns; i++) out[i] = packed[i];
    return;
  }
  if (bits == 4) {
    for (int64_t i = 0; i < columns / 2; i++) {
      out[2 * i] = packed[i] & 15;
      out[2 * i + 1] = packed[i] >> 4;
    }
    if (columns & 1) out[columns - 1] = packed[columns / 2] & 15;
    return;
  }
  const int64_t bytes = (columns * bits + 7) / 8;
  const uint32_t mask = (1u << bits) - 1;
  int64_t i = 0;
  // Eight codes start and end on a byte: at most 16 of them.
  for (; i + 8 <= columns && (i / 8 + 1) * bits + 8 <= bytes; i += 8) {
    const uint8_t *p = packed + i / 8 * bits;
    uint64_t low, high;
    memcpy(&low, p, 8);
    memcpy(&high, p + bits / 2, 8);
    const int skip = int(4 * bits - bits / 2 * 8);
    for (int j = 0; j < 4; j++) {
      out[i + j] = T((low >> (j * bits)) & mask);
      out[i + j + 4] = T((high >> (skip + j * bits)) & mask);
    }
  }
  for (; i < columns; i++) {
    uint32_t held = 0;
    const int64_t bit = i * bits;
    for (int64_t byte = bit / 8, shift = 0; byte <= (bit + bits - 1) / 8; byte++, shift += 8) held |= uint32_t(packed[byte]) << shift;
    out[i] = T((held >> (bit & 7)) & mask);
  }
}

void unpackBits(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1), bits = call.size(2), bytes = call.size(3);
  const int64_t rowBytes = (columns * bits + 7) / 8;
  shareRows(member, rows, columns, [&](int64_t row) {
    const uint8_t *packed = call.at<const uint8_t>(1) + row * rowBytes;
    if (bytes == 1) unpackRow(call.at<uint8_t>(0) + row * columns, packed, columns, bits);
    else unpackRow(call.at<uint16_t>(0) + row * columns, packed, columns, bits);
  });
}

}  // namespace
