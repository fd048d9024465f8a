// What attention is given, and keys and values as float32, however they are stored.
#pragma once
#include <math.h>

#include "products/gemm.h"

namespace {

enum CacheType { CACHE_F32, CACHE_F16, CODES8, CODES4 };

/** Keys at a time, at most, for few queries (fewer in codes, which are decoded first) and for many. */
constexpr int64_t FEW_KEYS = 256, FEW_DECODED_KEYS = 64, MANY_KEYS = 96;
/** Up to so many rows of queries stream the keys, and up to so many meet them as they are stored: floats, and codes. */
constexpr int64_t FEW_ROWS = 8, DIRECT_ROWS = 2, CODED_ROWS = 2;
/** Rows of queries of a tile's block. */
constexpr int64_t QUERY_BLOCK = 96;
/** Keys of a piece that one thread streams. */
constexpr int64_t PIECE = 2048;

struct Attention {
  const float *q;
  const uint8_t *tensors[2];  // keys and values
  const uint8_t *scales[2], *shifts[2];
  const float *logWeight;
  float *o, *lse;
  int64_t heads, kvHeads, queries, headDim, length, capacity, type, group, scaleType, shiftKind;
  float constant, scale;
  bool causal;
  /** A query sees keys less than this far away, or, at 0, all; scores are capped unless it is 0. */
  int64_t window;
  float softcap;

  /** Rows of queries that share a head of keys. */
  int64_t rows() const { return kvHeads == 0 ? 0 : heads / kvHeads * queries; }
  int64_t groups() const { return type >= CODES8 ? ceilDivide(headDim, group) : 0; }
  /** The first key that the query of a row sees, and the one past the last. */
  int64_t from(int64_t row) const { return window == 0 ? 0 : within(position(row) - window + 1); }
  int64_t until(int64_t row) const {
    if (causal) return within(position(row) + 1);
    return window == 0 ? length : within(position(row) + window);
  }
  int64_t position(int64_t row) const { return length - queries + row % queries; }
  int64_t within(int64_t key) const { return most(0, least(length, key)); }
  bool few() const { return rows() <= FEW_ROWS; }
  /** Keys before the first that any query sees, and pieces of those from it on. */
  int64_t unseen() const { return queries == 0 ? 0 : from(0); }
  int64_t pieces() const { return most(1, ceilDivide(length - unseen(), PIECE)); }
  int64_t keysAtOnce() const { return !few() ? MANY_KEYS : type >= CODES8 ? FEW_DECODED_KEYS : FEW_KEYS; }
  int64_t rowBytes() const { return type == CACHE_F32 ? 4 * headDim : type == CACHE_F16 ? 2 * headDim : type == CODES8 ? headDim : (headDim + 1) / 2; }
  /** Whether rows of keys are whole vectors of floats, and so few rows read them that widening does not pay. */
  bool direct() const { return type < CODES8 && rows() <= DIRECT_ROWS && headDim % W == 0; }
  /** Scales and shifts of a block that is decoded. */
  int64_t numbersRoom() const { return 2 * keysAtOnce() * groups(); }
  /** headDim in whole panels. */
  int64_t width() const { return roundUp(headDim, NR); }
};

Attention attentionOf(const Call &c) {
  Attention a{};
  a.o = c.at<float>(0);
  a.lse = c.at<float>(1);
  a.q = c.at<const float>(2);
  for (int i = 0; i < 2; i++) {
    a.tensors[i] = c.at<const uint8_t>(3 + i);
    a.scales[i] = c.at<const uint8_t>(5 + i);
    a.shifts[i] = c.at<const uint8_t>(7 + i);
  }
  a.logWeight = c.at<const float>(9);
  a.heads = c.size(0);
  a.kvHeads = c.size(1);
  a.queries = c.size(2);
  a.headDim = c.size(3);
  a.length = c.size(4);
  a.capacity = c.size(5);
  a.type = c.size(6);
  a.group = c.size(7);
  a.scaleType = c.size(8);
  a.shiftKind = c.size(9);
  a.constant = c.real(10);
  a.scale = c.real(11);
  a.causal = c.number[12] != 0;
  a.window = c.size(13);
  a.softcap = c.real(14);
  return a;
}

// ---- keys and values as float32

/** y = codes · scale + shift for a run of codes of one group. */
INLINE void scaleCodes8(float *y, const uint8_t *codes, int64_t count, float scale, float shift) {
  const vf s = splat(scale), b = splat(shift);
  int64_t i = 0;
  for (; i + W <= count; i += W) storef(y + i, fma(tofloat(__builtin_convertvector(load<vq>(codes + i), vi)), s, b));
  for (; i < count; i++) y[i] = fma(splat(codes[i]), s, b)[0];
}

INLINE void scaleCodes4(float *y, const uint8_t *codes, int64_t first, int64_t count, float scale, float shift) {
  const vf s = splat(scale), b = splat(shift);
  int64_t i = 0;
  if (first % 2 == 0)
    for (; i + W <= count; i += W) storef(y + i, fma(tofloat(nibbles(codes + (first + i) / 2)), s, b));
  for (; i < count; i++) y[i] = fma(splat(float(codes[(first + i) / 2] >> ((first + i) % 2 * 4) & 15)), s, b)[0];
}

/** The scales and shifts of some rows as float32, so that a number is code · scale + shift. */
INLINE void widenNumbers(const Attention &a, int which, int64_t row, int64_t count, float *scale, float *shift) {
  const int64_t numbers = count * a.groups(), from = row * a.groups(), size = a.scaleType == 0 ? 4 : 2;
  ConvertRun *widen = converter(a.scaleType, F32);
  widen(reinterpret_cast<uint8_t *>(scale), a.scales[which] + from * size, numbers);
  const uint8_t *shifts = a.shifts[which];
  switch (a.shiftKind) {
    case 0: memset(shift, 0, size_t(4 * numbers)); break;
    case 1: {
      int64_t i = 0;
      for (; i + W <= numbers; i += W) storef(shift + i, -tofloat(__builtin_convertvector(load<vq>(shifts + from + i), vi)) * loadf(scale + i));
      for (; i < numbers; i++) shift[i] = -float(shifts[from + i]) * scale[i];
      break;
    }
    case 2: widen(reinterpret_cast<uint8_t *>(shift), shifts + from * size, numbers); break;
    default:
      for (int64_t i = 0; i < numbers; i++) shift[i] = -a.constant * scale[i];
  }
}

/** Some rows of keys (which = 0) or values (1) as float32, in place where they are. `room` has space for their numbers. */
const float *floatRows(const Attention &a, int which, int64_t head, int64_t first, int64_t count, float *out, float *room) {
  const int64_t row = head * a.capacity + first, d = a.headDim;
  const uint8_t *p = a.tensors[which];
  if (a.type == CACHE_F32) return reinterpret_cast<const float *>(p) + row * d;
  if (a.type == CACHE_F16) {
    convertRun<F16, F32>(reinterpret_cast<uint8_t *>(out), p + row * d * 2, count * d);
    return out;
  }
  const int64_t groups = a.groups();
  float *scale = room, *shift = room + count * groups;
  widenNumbers(a, which, row, count, scale, shift);
  const int64_t rowBytes = a.rowBytes();
  for (int64_t j = 0; j < count; j++) {
    const uint8_t *codes = p + (row + j) * rowBytes;
    for (int64_t g = 0; g < groups; g++) {
      const int64_t start = g * a.group, width = least(a.group, d - start);
      if (a.type == CODES8) scaleCodes8(out + j * d + start, codes + start, width, scale[j * groups + g], shift[j * groups + g]);
      else scaleCodes4(out + j * d + start, codes, start, width, scale[j * groups + g], shift[j * groups + g]);
    }
  }
  return out;
}

}  // namespace
