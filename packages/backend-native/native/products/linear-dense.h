// Linear layers over weights that are floats of any width, or of which two in four are there.
#pragma once
#include "products/gemm.h"

namespace {

/** Rows of w, of any float type, as columns of the right operand. */
template <int TYPE> struct FloatColumns {
  const uint8_t *w;
  int64_t columns;
  void pack(float *out, int64_t column, int64_t count, int64_t p, int64_t k) const {
    float rows[NR][KC];
    for (int64_t r = 0; r < count; r++) {
      const int64_t size = floatBytes(TYPE);
      const uint8_t *from = w + ((column + r) * columns + p) * size;
      int64_t i = 0;
      for (; i + W <= k; i += W) storef(rows[r] + i, widenFloats<TYPE>(from + i * size));
      if (i < k) {
        uint8_t held[4 * W] = {};
        memcpy(held, from + i * size, size_t((k - i) * size));
        storePart(rows[r] + i, widenFloats<TYPE>(held), int(k - i));
      }
    }
    interleave<NR>(out, rows[0], KC, count, k);
  }
};

template <int TYPE> INLINE void linearOf(const Product &p, const uint8_t *w, Member &member) {
  if (isFew(p)) shareDotRows<TYPE>(member, p, w, p.k * floatBytes(TYPE));
  else multiply(p, FloatColumns<TYPE>{w, p.k}, member, member.scratch);
}

INLINE Product linearProduct(const Call &call) {
  const int64_t m = call.size(0), n = call.size(1), k = call.size(2);
  return {call.at<const float>(1), k, false, call.at<float>(0), n, m, n, k, call.size(4) != 0, false};
}

void linearDense(const Call &call, Member &member) {
  const Product p = linearProduct(call);
  const uint8_t *w = call.at<const uint8_t>(2);
  if (p.m == 0 || p.n == 0) return;
  switch (call.size(3)) {
    case F32: return linearOf<F32>(p, w, member);
    case F16: return linearOf<F16>(p, w, member);
    case BF16: return linearOf<BF16>(p, w, member);
    case F8E4M3: return linearOf<F8E4M3>(p, w, member);
    default: return linearOf<F8E5M2>(p, w, member);
  }
}

size_t linearDenseScratch(const Call &call, int) {
  const Product p = linearProduct(call);
  return isFew(p) ? 0 : p.scratch();
}

// ---- two of four

struct TwoOfFour {
  const uint8_t *values, *index;
  int64_t columns, type;
  int64_t rowBytes() const { return (columns + 7) / 8; }
  float value(int64_t row, int64_t i) const {
    const int64_t at = row * (columns / 2) + i;
    if (type == F32) return reinterpret_cast<const float *>(values)[at];
    uint16_t halves[W] = {reinterpret_cast<const uint16_t *>(values)[at]};
    return fromHalf(halves)[0];
  }
  int64_t column(int64_t row, int64_t i) const { return i / 2 * 4 + (index[row * rowBytes() + i / 4] >> i % 4 * 2 & 3); }

  void pack(float *out, int64_t first, int64_t count, int64_t p, int64_t k) const {
    float rows[NR][KC];
    for (int64_t r = 0; r < count; r++) {
      memset(rows[r], 0, size_t(4 * k));
      // Positions rise within a group, so equal ones, which a sound index has not, take the last value.
      for (int64_t i = p / 2; i < (p + k) / 2; i++) rows[r][column(first + r, i) - p] = value(first + r, i);
    }
    interleave<NR>(out, rows[0], KC, count, k);
  }
};

/** R rows of w with M rows of x. */
template <int TYPE, int M, int R> NOINLINE void sparseDots(float out[M][R], const float *x, int64_t k, const TwoOfFour &w, int64_t row) {
  constexpr int64_t size = TYPE == F32 ? 4 : 2;
  const int64_t count = k / 2, rowBytes = w.rowBytes();
  const uint8_t *values = w.values + row * count * size, *index = w.index + row * rowBytes;
  vf sum[M][R] = {};
  int64_t i = 0;
  for (; i + W <= count; i += W) {
    UNROLL for (int r = 0; r < R; r++) {
      vf v = widenFloats<TYPE>(values + (r * count + i) * size);
      uint32_t bits = 0;
      memcpy(&bits, index + r * rowBytes + i / 4, W / 4);
      UNROLL for (int m = 0; m < M; m++) sum[m][r] = fma(twoOfFour(x + m * k + 2 * i, bits), v, sum[m][r]);
    }
  }
  for (int m = 0; m < M; m++)
    for (int r = 0; r < R; r++) {
      out[m][r] = sumOf(sum[m][r]);
      for (int64_t j = i; j < count; j++) out[m][r] += x[m * k + w.column(row + r, j)] * w.value(row + r, j);
    }
}

template <int TYPE, int M> void sparseRows(const Product &p, const TwoOfFour &w, int64_t row, int64_t first, int64_t end) {
  const float *x = p.a + row * p.k;
  auto put = [&](int64_t r, int m, float sum) {
    float &to = p.c[(row + m) * p.n + r];
    to = p.add ? to + sum : sum;
  };
  int64_t r = first;
  for (; r + 4 <= end; r += 4) {
    float out[M][4];
    sparseDots<TYPE, M, 4>(out, x, p.k, w, r);
    for (int m = 0; m < M; m++)
      for (int s = 0; s < 4; s++) put(r + s, m, out[m][s]);
  }
  for (; r < end; r++) {
    float out[M][1];
    sparseDots<TYPE, M, 1>(out, x, p.k, w, r);
    for (int m = 0; m < M; m++) put(r, m, out[m][0]);
  }
}

template <int TYPE> void sparseFew(const Product &p, const TwoOfFour &w, Member &member) {
  const int64_t height = dotRowsAtOnce(p.k);
  member.share(ceilDivide(p.n, height), [&](int64_t item) {
    const int64_t first = item * height, end = least(p.n, first + height);
    int64_t row = 0;
    for (; row + 2 <= p.m; row += 2) sparseRows<TYPE, 2>(p, w, row, first, end);
    for (; row < p.m; row++) sparseRows<TYPE, 1>(p, w, row, first, end);
  });
}

void linearTwoOfFour(const Call &call, Member &member) {
  const Product p = linearProduct(call);
  const TwoOfFour w{call.at<const uint8_t>(2), call.at<const uint8_t>(3), p.k, call.size(3)};
  if (p.m == 0 || p.n == 0) return;
  if (!isFew(p)) multiply(p, w, member, member.scratch);
  else if (w.type == F32) sparseFew<F32>(p, w, member);
  else sparseFew<F16>(p, w, member);
}

size_t linearTwoOfFourScratch(const Call &call, int parts) { return linearDenseScratch(call, parts); }

}  // namespace
