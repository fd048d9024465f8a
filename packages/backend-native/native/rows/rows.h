// Kernels over rows: softmax, normalisation, rotary embedding, Hadamard, the largest of a row.
#pragma once
#include <math.h>

#include "elementwise.h"

namespace {

/** Rows that one thread takes at a time, of so many columns. */
INLINE int64_t rowsAtOnce(int64_t columns) { return most(1, CHUNK / most(1, columns)); }

template <class F> INLINE void shareRows(Member &member, int64_t rows, int64_t columns, F f) {
  const int64_t height = rowsAtOnce(columns);
  member.share(ceilDivide(rows, height), [&](int64_t item) {
    for (int64_t row = item * height; row < least(rows, (item + 1) * height); row++) f(row);
  });
}

/** The largest of a row, NaN left out; −∞ of none. */
NOINLINE float largestOf(const float *x, int64_t count) {
  const float lowest = -__builtin_inff();
  vf m0 = splat(lowest), m1 = m0, m2 = m0, m3 = m0;
  int64_t i = 0;
  for (; i + 4 * W <= count; i += 4 * W) {
    m0 = max2(loadf(x + i), m0);
    m1 = max2(loadf(x + i + W), m1);
    m2 = max2(loadf(x + i + 2 * W), m2);
    m3 = max2(loadf(x + i + 3 * W), m3);
  }
  for (; i < count; i += W) m0 = max2(i + W <= count ? loadf(x + i) : loadPart(x + i, int(count - i), lowest), m0);
  return maxOf(max2(max2(m0, m1), max2(m2, m3)));
}

/** y = exp(x − shift), and its sum; y may be x. */
NOINLINE float expSum(float *y, const float *x, int64_t count, float shift) {
  const vf s = splat(shift);
  vf t0{}, t1{};
  int64_t i = 0;
  for (; i + 2 * W <= count; i += 2 * W) {
    vf a = expNegative(loadf(x + i) - s), b = expNegative(loadf(x + i + W) - s);
    storef(y + i, a);
    storef(y + i + W, b);
    t0 += a;
    t1 += b;
  }
  for (; i < count; i += W) {
    const int rest = int(least(W, count - i));
    vf a = expNegative(loadPart(x + i, rest, -__builtin_inff()) - s);
    storePart(y + i, a, rest);
    t0 += a;
  }
  return sumOf(t0 + t1);
}

INLINE void scaleBy(float *y, int64_t count, float factor) {
  const vf f = splat(factor);
  int64_t i = 0;
  for (; i + W <= count; i += W) storef(y + i, loadf(y + i) * f);
  for (; i < count; i++) y[i] *= factor;
}

void softmaxRow(float *y, const float *x, int64_t count) {
  const float max = largestOf(x, count);
  if (max == -__builtin_inff()) {
    // −∞ only, or numbers that are none, which show.
    bool numbers = true;
    for (int64_t i = 0; i < count; i++) numbers &= x[i] == x[i];
    for (int64_t i = 0; i < count; i++) y[i] = numbers ? 0.0f : __builtin_nanf("");
    return;
  }
  const float sum = expSum(y, x, count, max);
  scaleBy(y, count, 1.0f / sum);
}

void softmax(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1);
  shareRows(member, rows, columns, [&](int64_t row) {
    softmaxRow(call.at<float>(0) + row * columns, call.at<const float>(1) + row * columns, columns);
  });
}

NOINLINE float sumSquaresOf(const float *x, int64_t count) {
  vf s0{}, s1{}, s2{}, s3{};
  int64_t i = 0;
  for (; i + 4 * W <= count; i += 4 * W) {
    vf a = loadf(x + i), b = loadf(x + i + W), c = loadf(x + i + 2 * W), d = loadf(x + i + 3 * W);
    s0 = fma(a, a, s0);
    s1 = fma(b, b, s1);
    s2 = fma(c, c, s2);
    s3 = fma(d, d, s3);
  }
  for (; i < count; i += W) {
    vf a = loadPart(x + i, int(least(W, count - i)));
    s0 = fma(a, a, s0);
  }
  return sumOf((s0 + s1) + (s2 + s3));
}

void rmsNorm(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1);
  const double epsilon = call.number[2];
  const float *weight = call.at<const float>(2);
  shareRows(member, rows, columns, [&](int64_t row) {
    const float *x = call.at<const float>(1) + row * columns;
    float *y = call.at<float>(0) + row * columns;
    double squares = sumSquaresOf(x, columns);
    if (!(squares > 1e-30 && squares < 1e38)) {
      // Out of float32's comfort: once more, as the reference does it.
      squares = 0;
      for (int64_t i = 0; i < columns; i++) squares += double(x[i]) * x[i];
    }
    const double exact = 1 / sqrt(squares / double(columns) + epsilon);
    const float scale = float(exact);
    if (!(scale < 1e30f && scale > 1e-30f)) {
      for (int64_t i = 0; i < columns; i++) y[i] = float(x[i] * exact * weight[i]);
      return;
    }
    int64_t i = 0;
    for (; i + W <= columns; i += W) storef(y + i, loadf(x + i) * scale * loadf(weight + i));
    for (; i < columns; i++) y[i] = x[i] * scale * weight[i];
  });
}

NOINLINE float plainSumOf(const float *x, int64_t count) {
  vf s0{}, s1{};
  int64_t i = 0;
  for (; i + 2 * W <= count; i += 2 * W) {
    s0 += loadf(x + i);
    s1 += loadf(x + i + W);
  }
  for (; i < count; i += W) s0 += loadPart(x + i, int(least(W, count - i)));
  return sumOf(s0 + s1);
}

struct Moments {
  float sum, squares;
};

/** The sums of what a row is away from a number, and of its squares. */
NOINLINE Moments momentsOf(const float *x, int64_t count, float centre) {
  const vf c = splat(centre);
  vf s0{}, s1{}, q0{}, q1{};
  int64_t i = 0;
  for (; i + 2 * W <= count; i += 2 * W) {
    const vf a = loadf(x + i) - c, b = loadf(x + i + W) - c;
    s0 += a;
    s1 += b;
    q0 = fma(a, a, q0);
    q1 = fma(b, b, q1);
  }
  for (; i < count; i += W) {
    const vf a = loadPart(x + i, int(least(W, count - i)), centre) - c;
    s0 += a;
    q0 = fma(a, a, q0);
  }
  return {sumOf(s0 + s1), sumOf(q0 + q1)};
}

/** In float64 as the reference does it, for rows out of float32's comfort. */
NOINLINE void layerNormExactly(float *y, const float *x, const float *weight, const float *bias, int64_t columns, double epsilon) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < columns; i++) sum += x[i];
  const double mean = sum / double(columns);
  for (int64_t i = 0; i < columns; i++) squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1 / sqrt(squares / double(columns) + epsilon);
  for (int64_t i = 0; i < columns; i++) y[i] = float((x[i] - mean) * scale * weight[i] + (bias == nullptr ? 0 : bias[i]));
}

void layerNorm(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1);
  const double epsilon = call.number[2];
  const float *weight = call.at<const float>(2), *bias = call.at<const float>(3);
  shareRows(member, rows, columns, [&](int64_t row) {
    const float *x = call.at<const float>(1) + row * columns;
    float *y = call.at<float>(0) + row * columns;
    // What rounding leaves of the mean is taken off with the second sums.
    const float centre = plainSumOf(x, columns) / float(columns);
    const Moments moments = momentsOf(x, columns, centre);
    const double rest = moments.sum / double(columns), variance = moments.squares / double(columns) - rest * rest;
    const float scale = float(1 / sqrt(variance + epsilon));
    if (!(moments.squares > 1e-30f && moments.squares < 1e38f && scale < 1e30f && scale > 1e-30f)) {
      layerNormExactly(y, x, weight, bias, columns, epsilon);
      return;
    }
    const float off = float(rest);
    int64_t i = 0;
    for (; i + W <= columns; i += W) {
      const vf scaled = ((loadf(x + i) - centre) - off) * scale * loadf(weight + i);
      storef(y + i, bias == nullptr ? scaled : scaled + loadf(bias + i));
    }
    for (; i < columns; i++) {
      const float scaled = ((x[i] - centre) - off) * scale * weight[i];
      y[i] = bias == nullptr ? scaled : scaled + bias[i];
    }
  });
}

void rotate(const Call &call, Member &member) {
  const int64_t rows = call.size(0), tokens = call.size(1), headDim = call.size(2), pairs = call.size(3);
  const int64_t near = call.size(4), far = call.size(5), repeat = call.size(6);
  shareRows(member, rows, headDim, [&](int64_t row) {
    const float *x = call.at<const float>(1) + row * headDim;
    float *y = call.at<float>(0) + row * headDim;
    const int64_t token = row / repeat % tokens;
    const float *cos = call.at<const float>(2) + token * pairs, *sin = call.at<const float>(3) + token * pairs;
    if (y != x) memcpy(y, x, size_t(4 * headDim));
    int64_t p = 0;
    if (near == 1 && far >= pairs) {
      for (; p + W <= pairs; p += W) {
        vf a = loadf(y + p), b = loadf(y + p + far), c = loadf(cos + p), s = loadf(sin + p);
        storef(y + p, a * c - b * s);
        storef(y + p + far, a * s + b * c);
      }
    }
    for (; p < pairs; p++) {
      const int64_t i = p * near, j = i + far;
      const float a = y[i], b = y[j];
      y[i] = a * cos[p] - b * sin[p];
      y[j] = a * sin[p] + b * cos[p];
    }
  });
}

/** Four neighbours: butterflies of width 1 and 2. */
INLINE f4 butterflies4(f4 a) {
  f4 s = __builtin_shufflevector(a, a, 0, 0, 2, 2), d = __builtin_shufflevector(a, a, 1, 1, 3, 3);
  f4 plus = s + d, minus = s - d;
  f4 b = __builtin_shufflevector(plus, minus, 0, 5, 2, 7);
  f4 lows = __builtin_shufflevector(b, b, 0, 1, 0, 1), highs = __builtin_shufflevector(b, b, 2, 3, 2, 3);
  plus = lows + highs;
  minus = lows - highs;
  return __builtin_shufflevector(plus, minus, 0, 1, 6, 7);
}

template <class V> INLINE void butterflies(float *y, int64_t count, int64_t width) {
  constexpr int step = int(sizeof(V) / 4);
  for (int64_t start = 0; start < count; start += 2 * width) {
    for (int64_t i = start; i < start + width; i += step) {
      V a = load<V>(y + i), b = load<V>(y + i + width);
      store(y + i, a + b);
      store(y + i + width, a - b);
    }
  }
}

void hadamard(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1);
  const bool inverse = call.size(2) != 0;
  const float *signs = call.at<const float>(2);
  int64_t block = 1;
  while (columns > 0 && columns % (2 * block) == 0) block *= 2;
  const float scale = float(1 / sqrt(double(block)));
  shareRows(member, rows, columns, [&](int64_t row) {
    const float *x = call.at<const float>(1) + row * columns;
    float *y = call.at<float>(0) + row * columns;
    for (int64_t i = 0; i < columns; i++) y[i] = signs != nullptr && !inverse ? x[i] * signs[i] : x[i];
    int64_t width = 1;
    if (block >= 4) {
      for (int64_t i = 0; i < columns; i += 4) store(y + i, butterflies4(load<f4>(y + i)));
      width = 4;
    } else if (block == 2) {
      for (int64_t i = 0; i < columns; i += 2) {
        const float a = y[i], b = y[i + 1];
        y[i] = a + b;
        y[i + 1] = a - b;
      }
      width = 2;
    }
    for (; width < block; width *= 2) {
      if (width >= W) butterflies<vf>(y, columns, width);
      else butterflies<f4>(y, columns, width);
    }
    for (int64_t i = 0; i < columns; i++) {
      const float scaled = y[i] * scale;
      y[i] = signs != nullptr && inverse ? scaled * signs[i] : scaled;
    }
  });
}

// ---- the k largest

/** Larger for larger numbers; NaN is below everything, and both zeros are one. */
INLINE uint32_t orderOf(float x) {
  if (x != x) return 0;
  uint32_t bits;
  x += 0.0f;
  memcpy(&bits, &x, 4);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

INLINE void siftDown(uint64_t *heap, int64_t size, uint64_t entry) {
  int64_t at = 0;
  for (;;) {
    int64_t child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= entry) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = entry;
}

/** A heap of the k best, the worst of them on top; an entry is the number's order, then the earlier index. */
void topKRow(float *values, int32_t *indices, const float *x, int64_t columns, int64_t k, uint64_t *heap) {
  auto entryOf = [&](int64_t i) { return uint64_t(orderOf(x[i])) << 32 | uint32_t(~uint32_t(i)); };
  int64_t i = 0;
  for (; i < k; i++) {
    uint64_t entry = entryOf(i);
    int64_t at = i;
    while (at > 0 && heap[(at - 1) / 2] > entry) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap[at] = entry;
  }
  if (k > 0) {
    auto offer = [&](int64_t j) {
      uint64_t entry = entryOf(j);
      if (entry > heap[0]) siftDown(heap, k, entry);
    };
    auto worst = [&] { return x[uint32_t(~uint32_t(heap[0]))]; };
    // Whatever is not at most the worst may be better; with NaN there, everything is looked at.
    vf bound = splat(worst());
    for (; i + 4 * W <= columns; i += 4 * W) {
      vi out = (loadf(x + i) <= bound) & (loadf(x + i + W) <= bound) & (loadf(x + i + 2 * W) <= bound) &
               (loadf(x + i + 3 * W) <= bound);
      if (!any(~out)) continue;
      for (int64_t j = i; j < i + 4 * W; j++) offer(j);
      bound = splat(worst());
    }
    for (; i < columns; i++) offer(i);
  }
  for (int64_t left = k; left > 0; left--) {
    const int64_t index = uint32_t(~uint32_t(heap[0]));
    values[left - 1] = x[index];
    indices[left - 1] = int32_t(index);
    siftDown(heap, left - 1, heap[left - 1]);
  }
}

void topK(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1), k = call.size(2);
  uint64_t *heap = reinterpret_cast<uint64_t *>(member.scratch) + member.part * k;
  shareRows(member, rows, columns, [&](int64_t row) {
    topKRow(call.at<float>(0) + row * k, call.at<int32_t>(1) + row * k, call.at<const float>(2) + row * columns, columns, k, heap);
  });
}
size_t topKScratch(const Call &call, int parts) { return size_t(call.size(2)) * 8 * size_t(parts); }

}  // namespace
