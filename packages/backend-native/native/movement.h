// Transposition.
#pragma once
#include "rows/rows.h"

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

}  // namespace
