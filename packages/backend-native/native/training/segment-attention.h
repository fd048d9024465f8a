// Attention within documents that are packed side by side, and its gradients: scores are made block by
// block and never kept.
#pragma once
#include "products/gemm.h"
#include "rows/rows.h"

namespace {

/** Queries that are worked on together: whole tiles, and their scores stay in the second cache. */
constexpr int64_t BLOCK = 4 * 12;
/** Steps of a product between two visits of its sums. */
constexpr int64_t DEPTH = 256;

/** A matrix whose element (i, p) is at [i·row + p·step]. */
struct Operand {
  const float *data;
  int64_t row, step;
};

/** c (MR, NR) = or += a (MR, k) · b (k, NR), all of them where they lie. */
NOINLINE void multiplyPlain(int64_t k, Operand a, const float *b, int64_t bStride, float *c, int64_t cStride, bool add) {
  vf sum[MR][NV];
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) sum[i][j] = add ? loadf(c + i * cStride + j * W) : vf{};
  const float *from = a.data;
  for (int64_t p = 0; p < k; p++) {
    vf row[NV];
    UNROLL for (int j = 0; j < NV; j++) row[j] = loadf(b + j * W);
    UNROLL for (int i = 0; i < MR; i++) {
      vf x = splat(from[i * a.row]);
      UNROLL for (int j = 0; j < NV; j++) sum[i][j] = fma(x, row[j], sum[i][j]);
    }
    from += a.step;
    b += bStride;
  }
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) storef(c + i * cStride + j * W, sum[i][j]);
}

/** c (m, n) = or += a (m, k) · b (k, n), where c and b have room for whole tiles. */
void multiplyBlocks(int64_t m, int64_t n, int64_t k, Operand a, const float *b, int64_t bStride, float *c, int64_t cStride, bool add) {
  for (int64_t p = 0; p < k; p += DEPTH) {
    const int64_t deep = least(DEPTH, k - p);
    for (int64_t j = 0; j < n; j += NR)
      for (int64_t i = 0; i < m; i += MR)
        multiplyPlain(deep, {a.data + i * a.row + p * a.step, a.row, a.step}, b + p * bStride + j, bStride, c + i * cStride + j, cStride, add || p > 0);
  }
}

/** Documents side by side, and their heads. */
struct Segments {
  int64_t rows, heads, kvHeads, headDim, segments, longest;
  float scale;

  int64_t group() const { return heads / kvHeads; }
  /** Columns of a head with room for whole tiles. */
  int64_t width() const { return roundUp(headDim, NR); }
  /** Columns of scores: whole tiles, the rows of a tile past the end, and no power of two. */
  int64_t across() const { return roundUp(longest, NR) + 16; }
  /** Rows of keys with room for whole tiles. */
  int64_t tall() const { return roundUp(longest, MR); }
};

Segments segmentsOf(const Call &call) {
  return {call.size(0), call.size(1), call.size(2), call.size(3), call.size(4), call.size(5), call.real(6)};
}

/** Working memory, handed out from the front. */
struct Workspace {
  float *next;
  float *take(int64_t count) {
    float *taken = next;
    next += roundUp(count, 16);
    return taken;
  }
};

/** A head of some rows: (count, headDim) of x to (rows, width) with zeros around. */
INLINE void copyHead(float *out, const float *x, int64_t stride, int64_t count, int64_t rows, int64_t headDim, int64_t width, float scale) {
  memset(out, 0, size_t(4 * rows * width));
  for (int64_t r = 0; r < count; r++)
    for (int64_t d = 0; d < headDim; d++) out[r * width + d] = x[r * stride + d] * scale;
}

/** The same on its side: (headDim, across). */
INLINE void turnHead(float *out, const float *x, int64_t stride, int64_t count, int64_t across, int64_t headDim) {
  transposeBlock(out, across, x, stride, count, headDim);
  for (int64_t d = 0; d < headDim; d++) memset(out + d * across + count, 0, size_t(4 * (across - count)));
}

/** Rows of scores become exponentials, zero where nothing is seen; `inverse` takes one over their sums. */
INLINE void attend(float *scores, int64_t across, int64_t first, int64_t count, int64_t end, float *inverse) {
  for (int64_t r = 0; r < count; r++) {
    float *row = scores + r * across;
    const int64_t seen = first + r + 1;
    inverse[r] = 1 / expSum(row, row, seen, largestOf(row, seen));
    memset(row + seen, 0, size_t(4 * (end - seen)));
  }
}

/** Each document and key head on whichever thread is free: f(first row, rows, key head). */
template <class F> INLINE void shareSegments(const Segments &s, const int32_t *borders, Member &member, F f) {
  member.share(s.segments * s.kvHeads, [&](int64_t item) {
    const int64_t segment = item / s.kvHeads;
    // Borders that contradict the sizes are cut to fit: nothing outside of the tensors is touched.
    const int64_t start = most(0, least(borders[segment], s.rows));
    const int64_t end = most(start, least(least(borders[segment + 1], start + s.longest), s.rows));
    f(start, end - start, item % s.kvHeads);
  });
}

INLINE int64_t forwardFloats(const Segments &s) {
  return s.headDim * s.across() + s.longest * s.width() + 2 * BLOCK * s.width() + BLOCK * s.across() + 5 * 16;
}

// o ; q, k, v, borders ; rows, heads, kvHeads, headDim, segments, longest, scale
void segmentAttention(const Call &call, Member &member) {
  const Segments s = segmentsOf(call);
  const int64_t wide = s.width(), across = s.across(), stride = s.heads * s.headDim, kvStride = s.kvHeads * s.headDim;
  const Workspace own{reinterpret_cast<float *>(member.scratch) + member.part * forwardFloats(s)};
  shareSegments(s, call.at<const int32_t>(4), member, [&](int64_t start, int64_t length, int64_t head) {
    Workspace space = own;
    float *keys = space.take(s.headDim * across), *values = space.take(s.longest * wide);
    float *queries = space.take(BLOCK * wide), *sums = space.take(BLOCK * wide), *scores = space.take(BLOCK * across);
    turnHead(keys, call.at<const float>(2) + start * kvStride + head * s.headDim, kvStride, length, across, s.headDim);
    copyHead(values, call.at<const float>(3) + start * kvStride + head * s.headDim, kvStride, length, length, s.headDim, wide, 1);
    for (int64_t h = head * s.group(); h < (head + 1) * s.group(); h++) {
      const int64_t at = start * stride + h * s.headDim;
      for (int64_t first = 0; first < length; first += BLOCK) {
        const int64_t count = least(BLOCK, length - first), whole = roundUp(count, MR), seen = first + count, end = roundUp(seen, NR);
        float inverse[BLOCK];
        copyHead(queries, call.at<const float>(1) + at + first * stride, stride, count, whole, s.headDim, wide, s.scale);
        multiplyBlocks(whole, end, s.headDim, {queries, wide, 1}, keys, across, scores, across, false);
        attend(scores, across, first, count, end, inverse);
        multiplyBlocks(whole, wide, seen, {scores, across, 1}, values, wide, sums, wide, false);
        float *out = call.at<float>(0) + at + first * stride;
        for (int64_t r = 0; r < count; r++)
          for (int64_t d = 0; d < s.headDim; d++) out[r * stride + d] = sums[r * wide + d] * inverse[r];
      }
    }
  });
}
size_t segmentAttentionScratch(const Call &call, int parts) { return size_t(forwardFloats(segmentsOf(call))) * 4 * size_t(parts); }

/** As if half of each document's longest were seen. */
double segmentAttentionCost(const Call &call) { return 0.05 * call.number[0] * call.number[1] * call.number[3] * call.number[5] / 2; }

INLINE int64_t backwardFloats(const Segments &s) {
  return 2 * s.headDim * s.across() + (s.longest + 2 * s.tall()) * s.width() + 3 * BLOCK * s.width() + 2 * BLOCK * s.across() + 10 * 16;
}

// dq, dk, dv ; q, k, v, o, dO, borders ; rows, heads, kvHeads, headDim, segments, longest, scale
void attentionBackward(const Call &call, Member &member) {
  const Segments s = segmentsOf(call);
  const int64_t wide = s.width(), across = s.across(), stride = s.heads * s.headDim, kvStride = s.kvHeads * s.headDim;
  const Workspace own{reinterpret_cast<float *>(member.scratch) + member.part * backwardFloats(s)};
  shareSegments(s, call.at<const int32_t>(8), member, [&](int64_t start, int64_t length, int64_t head) {
    Workspace space = own;
    float *keysTurned = space.take(s.headDim * across), *valuesTurned = space.take(s.headDim * across);
    float *keys = space.take(s.longest * wide), *keySlopes = space.take(s.tall() * wide), *valueSlopes = space.take(s.tall() * wide);
    float *queries = space.take(BLOCK * wide), *slopes = space.take(BLOCK * wide), *querySlopes = space.take(BLOCK * wide);
    float *scores = space.take(BLOCK * across), *changes = space.take(BLOCK * across);
    const int64_t kvAt = start * kvStride + head * s.headDim;
    turnHead(keysTurned, call.at<const float>(4) + kvAt, kvStride, length, across, s.headDim);
    turnHead(valuesTurned, call.at<const float>(5) + kvAt, kvStride, length, across, s.headDim);
    copyHead(keys, call.at<const float>(4) + kvAt, kvStride, length, length, s.headDim, wide, 1);
    memset(keySlopes, 0, size_t(4 * roundUp(length, MR) * wide));
    memset(valueSlopes, 0, size_t(4 * roundUp(length, MR) * wide));
    for (int64_t h = head * s.group(); h < (head + 1) * s.group(); h++) {
      const int64_t at = start * stride + h * s.headDim;
      for (int64_t first = 0; first < length; first += BLOCK) {
        const int64_t count = least(BLOCK, length - first), whole = roundUp(count, MR), seen = first + count, end = roundUp(seen, NR);
        const float *o = call.at<const float>(6) + at + first * stride, *dO = call.at<const float>(7) + at + first * stride;
        float inverse[BLOCK];
        copyHead(queries, call.at<const float>(3) + at + first * stride, stride, count, whole, s.headDim, wide, s.scale);
        copyHead(slopes, dO, stride, count, whole, s.headDim, wide, 1);
        multiplyBlocks(whole, end, s.headDim, {queries, wide, 1}, keysTurned, across, scores, across, false);
        multiplyBlocks(whole, end, s.headDim, {slopes, wide, 1}, valuesTurned, across, changes, across, false);
        // Tiles of keys reach past the last that is seen.
        const int64_t past = roundUp(end, MR);
        attend(scores, across, first, count, past, inverse);
        for (int64_t r = 0; r < count; r++) {
          float share = 0;
          for (int64_t d = 0; d < s.headDim; d++) share += o[r * stride + d] * dO[r * stride + d];
          float *p = scores + r * across, *dS = changes + r * across;
          for (int64_t i = 0; i < end; i += W) {
            vf probability = loadf(p + i) * inverse[r];
            storef(p + i, probability);
            storef(dS + i, probability * (loadf(dS + i) - share));
          }
          for (int64_t i = end; i < past; i++) dS[i] = 0;
        }
        const int64_t tiles = roundUp(seen, MR);
        multiplyBlocks(tiles, wide, count, {scores, 1, across}, slopes, wide, valueSlopes, wide, true);
        multiplyBlocks(tiles, wide, count, {changes, 1, across}, queries, wide, keySlopes, wide, true);
        multiplyBlocks(whole, wide, seen, {changes, across, 1}, keys, wide, querySlopes, wide, false);
        float *dq = call.at<float>(0) + at + first * stride;
        for (int64_t r = 0; r < count; r++)
          for (int64_t d = 0; d < s.headDim; d++) dq[r * stride + d] = querySlopes[r * wide + d] * s.scale;
      }
    }
    for (int64_t r = 0; r < length; r++) {
      memcpy(call.at<float>(1) + kvAt + r * kvStride, keySlopes + r * wide, size_t(4 * s.headDim));
      memcpy(call.at<float>(2) + kvAt + r * kvStride, valueSlopes + r * wide, size_t(4 * s.headDim));
    }
  });
}
size_t attentionBackwardScratch(const Call &call, int parts) { return size_t(backwardFloats(segmentsOf(call))) * 4 * size_t(parts); }

}  // namespace
