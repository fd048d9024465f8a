// Products of matrices: panels that are packed once and multiplied in registers.
#pragma once
#include "movement.h"

namespace {

// The register tile: MR rows by NV vectors, and what is left for a row of b and a number of a.
#if defined(TERSOR_AVX512)
constexpr int MR = 12, NV = 2;
#elif defined(TERSOR_NEON)
constexpr int MR = 6, NV = 4;
#else
constexpr int MR = 6, NV = 2;
#endif
constexpr int NR = NV * W;

/** Steps of k in a panel: one of b (KC, NR) stays in the first cache. */
constexpr int64_t KC = 320;
/** Rows of a that stay in the second cache. */
constexpr int64_t MC = MR * (W == 16 ? 16 : 24);
/** Columns that one thread multiplies at a time, and those that are packed at a time. */
constexpr int64_t NC_ITEM = 16 * NR, NC = 8 * NC_ITEM;
/** Rows of a that are packed at a time. */
constexpr int64_t MO = 16 * MC;

/** Where the MR rows of a tile of a are: interleaved in a panel, or where they lie, a stride apart. */
enum RowsOfA { PANEL, IN_PLACE };

/** c (MR, NR) = or += a (MR, k) · b panel (k, NR). */
template <bool SEQUENTIAL, RowsOfA ROWS = PANEL>
NOINLINE void multiplyTile(int64_t k, const float *a, const float *b, float *c, int64_t stride, bool add, int64_t aStride = 0) {
  vf sum[MR][NV];
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) sum[i][j] = add ? loadf(c + i * stride + j * W) : vf{};
  for (int64_t p = 0; p < k; p++) {
    vf row[NV];
    UNROLL for (int j = 0; j < NV; j++) row[j] = loadf(b + j * W);
    UNROLL for (int i = 0; i < MR; i++) {
      vf x = splat(ROWS == PANEL ? a[i] : a[i * aStride]);
      UNROLL for (int j = 0; j < NV; j++) sum[i][j] = SEQUENTIAL ? sum[i][j] + x * row[j] : fma(x, row[j], sum[i][j]);
    }
    a += ROWS == PANEL ? MR : 1;
    b += NR;
  }
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) storef(c + i * stride + j * W, sum[i][j]);
}

/** The same where only some rows and columns are within c. */
template <bool SEQUENTIAL, RowsOfA ROWS = PANEL>
NOINLINE void multiplyEdge(int64_t k, const float *a, const float *b, float *c, int64_t stride, bool add, int64_t rows, int64_t columns, int64_t aStride = 0) {
  float tile[MR * NR];
  if (add)
    for (int64_t i = 0; i < MR; i++)
      for (int64_t j = 0; j < NR; j++) tile[i * NR + j] = i < rows && j < columns ? c[i * stride + j] : 0;
  multiplyTile<SEQUENTIAL, ROWS>(k, a, b, tile, NR, add, aStride);
  for (int64_t i = 0; i < rows; i++) memcpy(c + i * stride, tile + i * NR, size_t(4 * columns));
}

/** Up to `lanes` rows of x (rows, k), `stride` apart, interleaved: (k, lanes) with zeros past the last row. */
template <int LANES> INLINE void interleave(float *out, const float *x, int64_t stride, int64_t rows, int64_t k) {
  if (rows < LANES) {
    for (int64_t p = 0; p < k; p++)
      for (int64_t i = 0; i < LANES; i++) out[p * LANES + i] = i < rows ? x[i * stride + p] : 0;
    return;
  }
  int64_t i = 0;
  for (; i + 4 <= LANES; i += 4) transposeBlock(out + i, LANES, x + i * stride, stride, 4, k);
  if constexpr (LANES % 4 != 0)
    for (int64_t p = 0; p < k; p++) UNROLL for (int64_t r = LANES / 4 * 4; r < LANES; r++) out[p * LANES + r] = x[r * stride + p];
}

/** Rows of k that lie `stride` apart, `count` of `lanes` columns: (k, lanes) with zeros past the last. */
template <int LANES> INLINE void copyLanes(float *out, const float *x, int64_t stride, int64_t count, int64_t k) {
  if (count >= LANES) {
    for (int64_t p = 0; p < k; p++) memcpy(out + p * LANES, x + p * stride, LANES * 4);
    return;
  }
  for (int64_t p = 0; p < k; p++)
    for (int64_t i = 0; i < LANES; i++) out[p * LANES + i] = i < count ? x[p * stride + i] : 0;
}

/** b (k, n), or (n, k) where it is transposed. */
struct DenseColumns {
  const float *b;
  int64_t stride;
  bool transposed;
  void pack(float *out, int64_t column, int64_t count, int64_t p, int64_t k) const {
    if (transposed) interleave<NR>(out, b + column * stride + p, stride, count, k);
    else copyLanes<NR>(out, b + p * stride + column, stride, count, k);
  }
};

struct Product {
  const float *a;
  int64_t aStride;
  bool aTransposed;
  float *c;
  int64_t cStride;
  int64_t m, n, k;
  bool add, sequential;

  int64_t depth() const { return sequential && add ? most(k, 1) : least(k, KC); }
  int64_t width() const {
    // A sum in order is added to c once it is whole, so its panels are as deep as k: fewer of them then.
    int64_t most_ = sequential && add ? most(NR, NC * KC / depth() / NR * NR) : NC;
    return least(roundUp(n, NR), most_);
  }
  int64_t height() const {
    int64_t most_ = sequential && add ? most(MC, MO * KC / depth() / MC * MC) : MO;
    return least(roundUp(m, MR), most_);
  }
  size_t scratch() const { return size_t(depth() * (width() + height())) * 4 + 256; }
};

template <bool SEQUENTIAL> INLINE void addTile(int64_t k, const float *a, const float *b, float *c, int64_t stride, int64_t rows, int64_t columns) {
  float tile[MR * NR];
  multiplyTile<SEQUENTIAL>(k, a, b, tile, NR, false);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) c[i * stride + j] += tile[i * NR + j];
}

/**
 * c = or += a·b with b packed by `columns`. Results depend on sizes alone, not on threads: k is cut at
 * the same places for all of them.
 */
template <class Columns> void multiply(const Product &p, const Columns &columns, Member &member, uint8_t *scratch) {
  const int64_t depth = p.depth(), width = p.width(), height = p.height();
  float *bPanels = reinterpret_cast<float *>(scratch);
  float *aPanels = bPanels + roundUp(depth * width, 16);
  if (p.k == 0) {
    if (!p.add && member.part == 0)
      for (int64_t i = 0; i < p.m; i++) memset(p.c + i * p.cStride, 0, size_t(4 * p.n));
    return;
  }
  for (int64_t j0 = 0; j0 < p.n; j0 += width) {
    const int64_t across = least(width, p.n - j0);
    for (int64_t p0 = 0; p0 < p.k; p0 += depth) {
      const int64_t deep = least(depth, p.k - p0);
      for (int64_t i0 = 0; i0 < p.m; i0 += height) {
        const int64_t down = least(height, p.m - i0);
        // Short rows of a are read where they lie: packing them would cost as much as it gains.
        const bool inPlace = !p.aTransposed && !p.sequential && p.k <= KC;
        const int64_t aFirst = inPlace ? down / MR : 0;
        const int64_t bCount = i0 == 0 ? ceilDivide(across, NR) : 0, aCount = ceilDivide(down, MR) - aFirst;
        // Packing: panels of b that this round is the first to use, and of a, four at a time.
        member.share(ceilDivide(bCount, 4) + ceilDivide(aCount, 4), [&](int64_t item) {
          const int64_t bItems = ceilDivide(bCount, 4);
          if (item < bItems) {
            for (int64_t j = item * 4; j < least(bCount, item * 4 + 4); j++)
              columns.pack(bPanels + j * NR * depth, j0 + j * NR, least(NR, across - j * NR), p0, deep);
            return;
          }
          for (int64_t i = aFirst + (item - bItems) * 4; i < aFirst + least(aCount, (item - bItems) * 4 + 4); i++) {
            const int64_t row = i0 + i * MR, count = least(MR, down - i * MR);
            float *out = aPanels + i * MR * depth;
            if (p.aTransposed) copyLanes<MR>(out, p.a + p0 * p.aStride + row, p.aStride, count, deep);
            else interleave<MR>(out, p.a + row * p.aStride + p0, p.aStride, count, deep);
          }
        });
        member.barrier();
        // Small products are cut finer, so that all threads have some of it.
        const int64_t wanted = member.parts() == 1 ? 1 : 3 * member.parts();
        const int64_t tall = least(MC, most(2 * MR, roundUp(ceilDivide(down, ceilDivide(wanted, ceilDivide(across, NC_ITEM))), MR)));
        const int64_t rowBlocks = ceilDivide(down, tall), columnBlocks = ceilDivide(across, NC_ITEM);
        const bool add = p0 > 0 || p.add;
        member.share(rowBlocks * columnBlocks, [&](int64_t item) {
          const int64_t iStart = item % rowBlocks * tall, iEnd = least(down, iStart + tall);
          const int64_t jStart = item / rowBlocks * NC_ITEM, jEnd = least(across, jStart + NC_ITEM);
          for (int64_t j = jStart; j < jEnd; j += NR) {
            for (int64_t i = iStart; i < iEnd; i += MR) {
              const float *a = aPanels + i * depth, *b = bPanels + j * depth;
              float *c = p.c + (i0 + i) * p.cStride + j0 + j;
              const int64_t rows = least(MR, iEnd - i), count = least(NR, jEnd - j);
              if (p.sequential && p.add) addTile<true>(deep, a, b, c, p.cStride, rows, count);
              else if (rows == MR && count == NR) {
                if (p.sequential) multiplyTile<true>(deep, a, b, c, p.cStride, add);
                else if (inPlace) multiplyTile<false, IN_PLACE>(deep, p.a + (i0 + i) * p.aStride, b, c, p.cStride, add, p.aStride);
                else multiplyTile<false>(deep, a, b, c, p.cStride, add);
              } else if (inPlace && rows == MR) {
                multiplyEdge<false, IN_PLACE>(deep, p.a + (i0 + i) * p.aStride, b, c, p.cStride, add, rows, count, p.aStride);
              } else {
                if (p.sequential) multiplyEdge<true>(deep, a, b, c, p.cStride, add, rows, count);
                else multiplyEdge<false>(deep, a, b, c, p.cStride, add, rows, count);
              }
            }
          }
        });
        member.barrier();
      }
    }
  }
}

// ---- few rows: b is read once, where it lies

constexpr int64_t FEW = 4;
/** Columns of c that stay in the first cache while rows of b go by. */
constexpr int64_t STRIP = 4096;

/** c (M, columns) += a (M, 8) · b (8, columns), where a's numbers are `aStep` apart along k. */
template <int M, int STEPS>
INLINE void addSteps(float *c, int64_t cStride, const float *a, int64_t aStride, const float *b, int64_t stride, int64_t columns) {
  vf x[M][STEPS];
  UNROLL for (int i = 0; i < M; i++) UNROLL for (int s = 0; s < STEPS; s++) x[i][s] = splat(a[i * aStride + s]);
  int64_t j = 0;
  for (; j + W <= columns; j += W) {
    vf sum[M];
    UNROLL for (int i = 0; i < M; i++) sum[i] = loadf(c + i * cStride + j);
    UNROLL for (int s = 0; s < STEPS; s++) {
      vf row = loadf(b + s * stride + j);
      UNROLL for (int i = 0; i < M; i++) sum[i] = fma(x[i][s], row, sum[i]);
    }
    UNROLL for (int i = 0; i < M; i++) storef(c + i * cStride + j, sum[i]);
  }
  for (; j < columns; j++)
    for (int i = 0; i < M; i++) {
      vf sum = splat(c[i * cStride + j]);
      for (int s = 0; s < STEPS; s++) sum = fma(splat(a[i * aStride + s]), splat(b[s * stride + j]), sum);
      c[i * cStride + j] = sum[0];
    }
}

/** c (M, columns) += a (M, k) · b (k, columns). */
template <int M> NOINLINE void addRows(float *c, int64_t cStride, const float *a, int64_t aStride, const float *b, int64_t stride, int64_t columns, int64_t k) {
  constexpr int STEPS = M <= 2 ? 8 : 4;
  int64_t p = 0;
  for (; p + STEPS <= k; p += STEPS) addSteps<M, STEPS>(c, cStride, a + p, aStride, b + p * stride, stride, columns);
  for (; p < k; p++) addSteps<M, 1>(c, cStride, a + p, aStride, b + p * stride, stride, columns);
}

INLINE void addRowsFor(int64_t m, float *c, int64_t cStride, const float *a, int64_t aStride, const float *b, int64_t stride, int64_t columns, int64_t k) {
  switch (m) {
    case 1: return addRows<1>(c, cStride, a, aStride, b, stride, columns, k);
    case 2: return addRows<2>(c, cStride, a, aStride, b, stride, columns, k);
    case 3: return addRows<3>(c, cStride, a, aStride, b, stride, columns, k);
    default: return addRows<4>(c, cStride, a, aStride, b, stride, columns, k);
  }
}

/** Dot products of M rows of x with 4 rows of w, of a float type, each (k). */
template <int TYPE, int M> INLINE void dots4(float out[M][4], const float *x, int64_t xStride, const uint8_t *w, int64_t stride, int64_t k) {
  constexpr int64_t size = TYPE == F32 ? 4 : TYPE <= BF16 ? 2 : 1;
  vf sum[M][4] = {};
  int64_t p = 0;
  for (; p + W <= k; p += W) {
    UNROLL for (int r = 0; r < 4; r++) {
      vf row = widenFloats<TYPE>(w + r * stride + p * size);
      UNROLL for (int i = 0; i < M; i++) sum[i][r] = fma(loadf(x + i * xStride + p), row, sum[i][r]);
    }
    prefetch(w + p * size + 1024);
    prefetch(w + stride + p * size + 1024);
    prefetch(w + 2 * stride + p * size + 1024);
    prefetch(w + 3 * stride + p * size + 1024);
  }
  if (p < k) {
    const int rest = int(k - p);
    for (int r = 0; r < 4; r++) {
      uint8_t held[4 * W] = {};
      memcpy(held, w + r * stride + p * size, size_t(rest * size));
      vf row = widenFloats<TYPE>(held);
      for (int i = 0; i < M; i++) sum[i][r] = fma(loadPart(x + i * xStride + p, rest), row, sum[i][r]);
    }
  }
  UNROLL for (int i = 0; i < M; i++) store(out[i], sumOf4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]));
}

/** y (M, rows) = or += x (M, k)·wᵀ for some rows of w. */
template <int TYPE, int M>
NOINLINE void dotRows(float *y, int64_t yStride, const float *x, int64_t xStride, const uint8_t *w, int64_t stride, int64_t rows, int64_t k, bool add) {
  for (int64_t r = 0; r < rows; r += 4) {
    const int64_t count = least(4, rows - r);
    float out[M][4];
    // Fewer than four rows: the last stands in for those that are not there.
    if (count == 4) dots4<TYPE, M>(out, x, xStride, w + r * stride, stride, k);
    else
      for (int64_t s = 0; s < count; s++) {
        float one[M][4];
        dots4<TYPE, M>(one, x, xStride, w + (r + s) * stride, 0, k);
        for (int i = 0; i < M; i++) out[i][s] = one[i][0];
      }
    for (int i = 0; i < M; i++)
      for (int64_t s = 0; s < count; s++) {
        float &to = y[i * yStride + r + s];
        to = add ? to + out[i][s] : out[i][s];
      }
  }
}

template <int TYPE>
INLINE void dotRowsFor(int64_t m, float *y, int64_t yStride, const float *x, int64_t xStride, const uint8_t *w, int64_t stride, int64_t rows, int64_t k, bool add) {
  switch (m) {
    case 1: return dotRows<TYPE, 1>(y, yStride, x, xStride, w, stride, rows, k, add);
    case 2: return dotRows<TYPE, 2>(y, yStride, x, xStride, w, stride, rows, k, add);
    default: return dotRows<TYPE, 3>(y, yStride, x, xStride, w, stride, rows, k, add);
  }
}

/** Rows of w that one thread multiplies at a time. */
INLINE int64_t dotRowsAtOnce(int64_t k) { return roundUp(most(4, (1 << 15) / most(1, k)), 4); }

template <int TYPE> void shareDotRows(Member &member, const Product &p, const uint8_t *w, int64_t stride) {
  const int64_t height = dotRowsAtOnce(p.k);
  member.share(ceilDivide(p.n, height), [&](int64_t item) {
    const int64_t start = item * height, count = least(height, p.n - start);
    for (int64_t i = 0; i < p.m; i += 3)
      dotRowsFor<TYPE>(least(3, p.m - i), p.c + i * p.cStride + start, p.cStride, p.a + i * p.aStride, p.aStride, w + start * stride, stride, count, p.k, p.add);
  });
}

INLINE bool isFew(const Product &p) { return p.m <= FEW && !p.sequential && (!p.aTransposed || p.m == 1); }

void multiplyFew(const Product &p, const float *b, int64_t stride, bool transposed, Member &member) {
  if (transposed) return shareDotRows<F32>(member, p, reinterpret_cast<const uint8_t *>(b), stride * 4);
  const int64_t strip = member.parts() == 1 ? STRIP : least(STRIP, most(512, roundUp(ceilDivide(p.n, 2 * member.parts()), 64)));
  member.share(ceilDivide(p.n, strip), [&](int64_t item) {
    const int64_t start = item * strip, count = least(strip, p.n - start);
    if (!p.add)
      for (int64_t i = 0; i < p.m; i++) memset(p.c + i * p.cStride + start, 0, size_t(4 * count));
    addRowsFor(p.m, p.c + start, p.cStride, p.a, p.aTransposed ? 1 : p.aStride, b + start, stride, count, p.k);
  });
}

/** Steps of k in a slice of a long sum, and the most of such slices. */
constexpr int64_t SLICE = 512, SLICES = 16;

/** How many slices the sums of a small result over a long k are cut into, whatever the threads: 1 for all others. */
INLINE int64_t slicesOf(const Product &p) {
  if (p.sequential || p.m * p.n > (1 << 17) || p.k < 4 * SLICE || p.k < 4 * most(p.m, p.n)) return 1;
  return least(SLICES, p.k / SLICE);
}

struct GemmCall {
  int64_t batch;
  Product product;
  bool alone;  // each thread multiplies whole matrices
  int64_t slices;

  size_t scratchOfOne() const { return size_t(roundUp(int64_t(product.scratch()), 256)); }
  size_t sums() const { return slices == 1 ? 0 : size_t(roundUp(4 * slices * product.m * product.n, 256)); }
};

GemmCall gemmOf(const Call &call, int parts) {
  const int64_t flags = call.size(7), m = call.size(1), n = call.size(2), k = call.size(3);
  GemmCall g{call.size(0), {}, false, 1};
  g.product = {call.at<const float>(1), flags & 1 ? m : k, (flags & 1) != 0, call.at<float>(0), n, m, n, k, (flags & 4) != 0, (flags & 8) != 0};
  g.alone = g.batch > 1 && (parts == 1 || g.batch >= 2 * parts || double(m) * n * k < 1e6);
  if (g.batch == 1 && !isFew(g.product)) g.slices = slicesOf(g.product);
  return g;
}

/** Each slice of k on one thread, without another to wait for; then the slices are added in order. */
void multiplySlices(const GemmCall &g, const float *b, int64_t stride, bool transposed, Member &member) {
  const Product &whole = g.product;
  const int64_t size = whole.m * whole.n, length = ceilDivide(whole.k, g.slices);
  float *sums = reinterpret_cast<float *>(member.scratch);
  uint8_t *scratch = member.scratch + g.sums() + size_t(member.part) * g.scratchOfOne();
  Team solo;
  Member self{&solo, 0, nullptr};
  member.share(g.slices, [&](int64_t slice) {
    const int64_t from = slice * length;
    Product p = whole;
    p.a += p.aTransposed ? from * p.aStride : from;
    p.c = sums + slice * size;
    p.cStride = p.n;
    p.k = least(length, whole.k - from);
    p.add = false;
    multiply(p, DenseColumns{b + (transposed ? from : from * stride), stride, transposed}, self, scratch);
  });
  member.barrier();
  member.share(ceilDivide(size, CHUNK), [&](int64_t chunk) {
    for (int64_t i = chunk * CHUNK; i < least(size, (chunk + 1) * CHUNK); i++) {
      float sum = sums[i];
      for (int64_t slice = 1; slice < g.slices; slice++) sum += sums[slice * size + i];
      whole.c[i] = whole.add ? whole.c[i] + sum : sum;
    }
  });
}

void gemm(const Call &call, Member &member) {
  const GemmCall g = gemmOf(call, member.parts());
  const int64_t flags = call.size(7), strideA = call.size(4), strideB = call.size(5), strideC = call.size(6);
  const bool transposed = (flags & 2) != 0;
  const int64_t stride = transposed ? g.product.k : g.product.n;
  if (g.product.m == 0 || g.product.n == 0) return;
  if (g.slices > 1) return multiplySlices(g, call.at<const float>(2), stride, transposed, member);
  auto one = [&](int64_t i, Member &who, uint8_t *scratch) {
    Product p = g.product;
    p.a += i * strideA;
    p.c += i * strideC;
    const float *b = call.at<const float>(2) + i * strideB;
    if (isFew(p)) multiplyFew(p, b, stride, transposed, who);
    else multiply(p, DenseColumns{b, stride, transposed}, who, scratch);
  };
  if (!g.alone) {
    for (int64_t i = 0; i < g.batch; i++) {
      one(i, member, member.scratch);
      if (i + 1 < g.batch) member.barrier();
    }
    return;
  }
  Team solo;
  Member self{&solo, 0, nullptr};
  uint8_t *scratch = member.scratch + size_t(member.part) * g.scratchOfOne();
  member.share(g.batch, [&](int64_t i) { one(i, self, scratch); });
}

size_t gemmScratch(const Call &call, int parts) {
  const GemmCall g = gemmOf(call, parts);
  if (isFew(g.product)) return 0;
  return g.sums() + g.scratchOfOne() * size_t(g.alone || g.slices > 1 ? parts : 1);
}

}  // namespace
