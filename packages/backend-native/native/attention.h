// Attention, block of keys by block of keys, with a running maximum: scores never leave the cache.
//
// Few queries for each head of keys stream keys and values once, in pieces of fixed length that are merged
// afterwards; many go through the packed tiles of a matrix product.
#pragma once
#include <math.h>

#include "gemm.h"

namespace {

enum CacheType { CACHE_F32, CACHE_F16, CODES8, CODES4 };

/** Keys at a time, at most, for few queries (fewer in codes, whose numbers are widened first) and for many. */
constexpr int64_t FEW_KEYS = 256, FEW_CODED_KEYS = 64, MANY_KEYS = 96;
/** Up to so many rows of queries stream the keys. */
constexpr int64_t FEW_ROWS = 8;
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

  /** Rows of queries that share a head of keys. */
  int64_t rows() const { return kvHeads == 0 ? 0 : heads / kvHeads * queries; }
  int64_t groups() const { return type >= CODES8 ? ceilDivide(headDim, group) : 0; }
  int64_t seen(int64_t row) const {
    const int64_t query = row % queries;
    return causal ? most(0, least(length, length - queries + query + 1)) : length;
  }
  bool few() const { return rows() <= FEW_ROWS; }
  int64_t pieces() const { return most(1, ceilDivide(length, PIECE)); }
  int64_t keysAtOnce() const { return !few() ? MANY_KEYS : type >= CODES8 ? FEW_CODED_KEYS : FEW_KEYS; }
  int64_t rowBytes() const { return type == CACHE_F32 ? 4 * headDim : type == CACHE_F16 ? 2 * headDim : type == CODES8 ? headDim : (headDim + 1) / 2; }
  /** Whether rows of keys are whole vectors, each of one group, and so few rows read them that decoding does not pay. */
  bool direct() const { return rows() <= 2 && headDim % W == 0 && (type < CODES8 || group % W == 0 || group >= headDim); }
  /** Scales and shifts of a block, and what two rows of weights make of them. */
  int64_t numbersRoom() const { return roundUp((few() ? 4 : 2) * keysAtOnce() * most(1, groups()) + groups(), 16); }
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

// ---- the running softmax of one row

struct Running {
  float max, sum;
};

/**
 * Turns `seen` scores into weights relative to the running maximum, the rest up to `count` into 0, and
 * returns what everything before is to be multiplied by.
 */
float updateRow(float *s, int64_t seen, int64_t count, float scale, const float *logWeight, Running &state) {
  const float lowest = -__builtin_inff();
  if (logWeight == nullptr) scaleBy(s, seen, scale);
  else {
    int64_t i = 0;
    for (; i + W <= seen; i += W) {
      vf w = loadf(logWeight + i);
      storef(s + i, w == lowest ? w : fma(loadf(s + i), splat(scale), w));
    }
    for (; i < seen; i++) s[i] = logWeight[i] == lowest ? lowest : fma(splat(s[i]), splat(scale), splat(logWeight[i]))[0];
  }
  const float top = largestOf(s, seen);
  const float max = top > state.max ? top : state.max;
  // Where nothing is seen, exp(−∞ − 0) adds up to 0; a score that is not a number still shows.
  const float shift = max == lowest ? 0 : max;
  const float before = state.max == lowest ? 0 : expf(state.max - shift);
  state.sum = state.sum * before + expSum(s, s, seen, shift);
  state.max = max;
  if (seen < count) memset(s + seen, 0, size_t(4 * (count - seen)));
  return before;
}

INLINE void finishRow(const Attention &a, int64_t row, const float *o, Running state) {
  float *to = a.o + row * a.headDim;
  if (state.sum == 0) memset(to, 0, size_t(4 * a.headDim));
  else {
    const float inverse = 1 / state.sum;
    for (int64_t i = 0; i < a.headDim; i++) to[i] = o[i] * inverse;
  }
  if (a.lse != nullptr) a.lse[row] = state.sum == 0 ? -__builtin_inff() : (state.max == -__builtin_inff() ? 0 : state.max) + logf(state.sum);
}

// ---- few queries

/** What a thread holds while it streams, and what it leaves of a piece. */
struct FewRoom {
  float *keys, *numbers, *scores, *ones;
};

INLINE int64_t pieceFloats(const Attention &a) { return a.rows() * (a.headDim + 2); }

// One or two rows of queries meet keys and values as they are stored: nothing is decoded into memory.

template <int TYPE> INLINE vf cached(const uint8_t *row, int64_t i) {
  if constexpr (TYPE == CACHE_F32) return load<vf>(row + 4 * i);
  if constexpr (TYPE == CACHE_F16) return fromHalf(reinterpret_cast<const uint16_t *>(row + 2 * i));
  if constexpr (TYPE == CODES8) return tofloat(__builtin_convertvector(load<vq>(row + i), vi));
  return tofloat(nibbles(row + i / 2));
}

/** Whether R rows are read in as many places: one place alone leaves bandwidth unused, where reading is all there is to it. */
template <int TYPE> constexpr bool SCATTERED = TYPE <= CACHE_F16;

/** Rows of a cache from one of R that are read together to the next. */
template <int TYPE> INLINE int64_t stepOf(int64_t count, int64_t r) { return SCATTERED<TYPE> ? count / r : 1; }

/** Fetches what comes after R rows that lie `apart`. */
template <int TYPE, int R> INLINE void fetchAhead(const uint8_t *p, int64_t apart, int64_t rowBytes) {
  constexpr int64_t ahead = SCATTERED<TYPE> ? 1024 : 3072;
  for (int64_t r = 0; r < R; r++)
    for (int64_t line = 0; line < rowBytes; line += 64) prefetch(p + r * apart + ahead + line);
}

/** Scores of R keys with M rows of queries, without what shifts add. */
template <int TYPE, int M, int R>
INLINE void scoreKeys(float *scores, const float *q, int64_t d, int64_t group, int64_t groups, const uint8_t *keys, int64_t rowBytes, int64_t step, const float *scale) {
  const int64_t apart = step * rowBytes;
  fetchAhead<TYPE, R>(keys, apart, rowBytes);
  vf total[M][R] = {};
  for (int64_t g = 0; g < groups; g++) {
    vf part[M][R] = {};
    for (int64_t i = g * group; i < least(d, (g + 1) * group); i += W) {
      vf x[M];
      UNROLL for (int m = 0; m < M; m++) x[m] = loadf(q + m * d + i);
      UNROLL for (int r = 0; r < R; r++) {
        vf v = cached<TYPE>(keys + r * apart, i);
        UNROLL for (int m = 0; m < M; m++) part[m][r] = fma(x[m], v, part[m][r]);
      }
    }
    UNROLL for (int m = 0; m < M; m++)
      UNROLL for (int r = 0; r < R; r++) total[m][r] = TYPE >= CODES8 ? fma(part[m][r], splat(scale[r * step * groups + g]), total[m][r]) : part[m][r];
  }
  UNROLL for (int m = 0; m < M; m++) {
    if constexpr (R == 4) {
      const f4 sums = sumOf4(total[m][0], total[m][1], total[m][2], total[m][3]);
      for (int r = 0; r < 4; r++) scores[m * FEW_KEYS + r * step] = sums[r];
    }
    else scores[m * FEW_KEYS] = sumOf(total[m][0]);
  }
}

/** o (M, d) += weights (M, R, groups) · R rows of values. */
template <int TYPE, int M, int R>
INLINE void addValues(float *o, const float *weights, int64_t stride, int64_t d, int64_t group, int64_t groups, const uint8_t *values, int64_t rowBytes, int64_t step) {
  const int64_t apart = step * rowBytes;
  fetchAhead<TYPE, R>(values, apart, rowBytes);
  for (int64_t g = 0; g < groups; g++) {
    vf w[M][R];
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int r = 0; r < R; r++) w[m][r] = splat(weights[m * stride + r * step * groups + g]);
    for (int64_t i = g * group; i < least(d, (g + 1) * group); i += W) {
      vf sum[M];
      UNROLL for (int m = 0; m < M; m++) sum[m] = loadf(o + m * d + i);
      UNROLL for (int r = 0; r < R; r++) {
        vf v = cached<TYPE>(values + r * apart, i);
        UNROLL for (int m = 0; m < M; m++) sum[m] = fma(w[m][r], v, sum[m]);
      }
      UNROLL for (int m = 0; m < M; m++) storef(o + m * d + i, sum[m]);
    }
  }
}

/** Σ a·b over the groups of a key. */
INLINE float sumGroups(const float *a, const float *b, int64_t groups) {
  float sum = 0;
  int64_t g = 0;
  if (groups >= 4) {
    f4 part{};
    for (; g + 4 <= groups; g += 4) part += load<f4>(a + g) * load<f4>(b + g);
    sum = (part[0] + part[1]) + (part[2] + part[3]);
  }
  for (; g < groups; g++) sum += a[g] * b[g];
  return sum;
}

/** scaled (count, groups) = weight · scale, and base (groups) = Σ weight · shift. */
INLINE void weighNumbers(float *scaled, float *base, const float *weights, const float *scale, const float *shift, int64_t count, int64_t groups) {
  int64_t g = 0;
  for (; g + 4 <= groups; g += 4) {
    f4 sum{};
    for (int64_t j = 0; j < count; j++) {
      store(scaled + j * groups + g, load<f4>(scale + j * groups + g) * weights[j]);
      sum += load<f4>(shift + j * groups + g) * weights[j];
    }
    store(base + g, sum);
  }
  for (; g < groups; g++) {
    base[g] = 0;
    for (int64_t j = 0; j < count; j++) {
      scaled[j * groups + g] = scale[j * groups + g] * weights[j];
      base[g] += shift[j * groups + g] * weights[j];
    }
  }
}

template <int TYPE, int M> struct Direct {
  __attribute__((noinline)) static void scores(const Attention &a, float *out, const float *q, const float *ones, int64_t row, int64_t count, float *numbers) {
    const bool codes = TYPE >= CODES8;
    const int64_t d = a.headDim, groups = codes ? a.groups() : 1, group = codes ? a.group : d, bytes = a.rowBytes();
    const uint8_t *keys = a.tensors[0] + row * bytes;
    float *scale = numbers, *shift = numbers + count * groups;
    if (codes) widenNumbers(a, 0, row, count, scale, shift);
    const int64_t step = stepOf<TYPE>(count, 4), next = SCATTERED<TYPE> ? 1 : 4;
    int64_t j = 0;
    for (int64_t i = 0; i < count / 4; i++, j += next) scoreKeys<TYPE, M, 4>(out + j, q, d, group, groups, keys + j * bytes, bytes, step, scale + j * groups);
    for (j = count / 4 * 4; j < count; j++) scoreKeys<TYPE, M, 1>(out + j, q, d, group, groups, keys + j * bytes, bytes, 1, scale + j * groups);
    if (codes && a.shiftKind != 0)
      for (int m = 0; m < M; m++)
        for (j = 0; j < count; j++) out[m * FEW_KEYS + j] += sumGroups(shift + j * groups, ones + m * groups, groups);
  }
  __attribute__((noinline)) static void sums(const Attention &a, float *o, const float *weights, int64_t row, int64_t count, float *numbers) {
    constexpr int R = M == 1 ? 8 : 4;
    const bool codes = TYPE >= CODES8;
    const int64_t d = a.headDim, groups = codes ? a.groups() : 1, group = codes ? a.group : d, bytes = a.rowBytes();
    const uint8_t *values = a.tensors[1] + row * bytes;
    int64_t stride = FEW_KEYS;
    if (codes) {
      float *scale = numbers, *shift = numbers + count * groups, *scaled = shift + count * groups, *base = scaled + M * count * groups;
      widenNumbers(a, 1, row, count, scale, shift);
      stride = count * groups;
      for (int m = 0; m < M; m++) {
        weighNumbers(scaled + m * stride, base, weights + m * FEW_KEYS, scale, shift, count, groups);
        if (a.shiftKind != 0)
          for (int64_t g = 0; g < groups; g++)
            for (int64_t i = g * group; i < least(d, (g + 1) * group); i += W) storef(o + m * d + i, loadf(o + m * d + i) + base[g]);
      }
      weights = scaled;
    }
    const int64_t step = stepOf<TYPE>(count, R), next = SCATTERED<TYPE> ? 1 : R;
    int64_t j = 0;
    for (int64_t i = 0; i < count / R; i++, j += next) addValues<TYPE, M, R>(o, weights + j * groups, stride, d, group, groups, values + j * bytes, bytes, step);
    for (j = count / R * R; j < count; j++) addValues<TYPE, M, 1>(o, weights + j * groups, stride, d, group, groups, values + j * bytes, bytes, 1);
  }
};

/** The two steps of a block of keys, for whichever type and rows. */
struct Steps {
  void (*scores)(const Attention &, float *, const float *, const float *, int64_t, int64_t, float *);
  void (*sums)(const Attention &, float *, const float *, int64_t, int64_t, float *);
};
template <int TYPE> INLINE Steps stepsFor(int64_t rows) {
  if (rows == 1) return {Direct<TYPE, 1>::scores, Direct<TYPE, 1>::sums};
  return {Direct<TYPE, 2>::scores, Direct<TYPE, 2>::sums};
}
INLINE Steps directSteps(const Attention &a) {
  switch (a.type) {
    case CACHE_F32: return stepsFor<CACHE_F32>(a.rows());
    case CACHE_F16: return stepsFor<CACHE_F16>(a.rows());
    case CODES8: return stepsFor<CODES8>(a.rows());
    default: return stepsFor<CODES4>(a.rows());
  }
}

void streamPiece(const Attention &a, int64_t head, int64_t piece, const FewRoom &room, float *left) {
  const int64_t rows = a.rows(), d = a.headDim, groups = a.groups();
  float *o = left;
  Running *states = reinterpret_cast<Running *>(left + rows * d);
  memset(o, 0, size_t(4 * rows * d));
  for (int64_t r = 0; r < rows; r++) states[r] = {-__builtin_inff(), 0};
  const float *q = a.q + head * rows * d;
  int64_t visible = 0;
  for (int64_t r = 0; r < rows; r++) visible = most(visible, a.seen(head * rows + r));
  const bool direct = a.direct();
  const Steps steps = directSteps(a);
  if (direct)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t g = 0; g < groups; g++) {
        float sum = 0;
        for (int64_t i = g * a.group; i < least(d, (g + 1) * a.group); i++) sum += q[r * d + i];
        room.ones[r * groups + g] = sum;
      }
  const int64_t end = least(visible, (piece + 1) * PIECE), atOnce = a.keysAtOnce();
  for (int64_t first = piece * PIECE; first < end; first += atOnce) {
    const int64_t count = least(atOnce, end - first), at = head * a.capacity + first;
    if (direct) steps.scores(a, room.scores, q, room.ones, at, count, room.numbers);
    else {
      const float *k = floatRows(a, 0, head, first, count, room.keys, room.numbers);
      for (int64_t r = 0; r < rows; r += 3)
        dotRowsFor<F32>(least(3, rows - r), room.scores + r * FEW_KEYS, FEW_KEYS, q + r * d, d, reinterpret_cast<const uint8_t *>(k), d * 4, count, d, false);
    }
    for (int64_t r = 0; r < rows; r++) {
      const int64_t seen = most(0, least(count, a.seen(head * rows + r) - first));
      const float before = updateRow(room.scores + r * FEW_KEYS, seen, count, a.scale, a.logWeight == nullptr ? nullptr : a.logWeight + at, states[r]);
      if (before != 1) scaleBy(o + r * d, d, before);
    }
    if (direct) steps.sums(a, o, room.scores, at, count, room.numbers);
    else {
      const float *v = floatRows(a, 1, head, first, count, room.keys, room.numbers);
      for (int64_t r = 0; r < rows; r += 4)
        addRowsFor(least(4, rows - r), o + r * d, d, room.scores + r * FEW_KEYS, FEW_KEYS, v, d, d, count);
    }
  }
}

void mergePieces(const Attention &a, int64_t head, const float *pieces, float *o) {
  const int64_t rows = a.rows(), d = a.headDim, size = pieceFloats(a);
  for (int64_t r = 0; r < rows; r++) {
    auto state = [&](int64_t piece) { return reinterpret_cast<const Running *>(pieces + piece * size + rows * d)[r]; };
    if (a.pieces() == 1) {
      finishRow(a, head * rows + r, pieces + r * d, state(0));
      continue;
    }
    Running all{-__builtin_inff(), 0};
    for (int64_t i = 0; i < a.pieces(); i++) all.max = state(i).max > all.max ? state(i).max : all.max;
    memset(o, 0, size_t(4 * d));
    for (int64_t i = 0; i < a.pieces(); i++) {
      const float shift = all.max == -__builtin_inff() ? 0 : all.max;
      // A piece of which nothing is seen has a sum of 0, or of what is not a number.
      const float weight = state(i).max == -__builtin_inff() ? 1 : expf(state(i).max - shift);
      all.sum += state(i).sum * weight;
      for (int64_t j = 0; j < d; j++) o[j] += pieces[i * size + r * d + j] * weight;
    }
    finishRow(a, head * rows + r, o, all);
  }
}

// ---- many queries

struct ManyRoom {
  float *keys, *numbers, *queryPanels, *keyPanels, *weightPanels, *valuePanels, *scores, *o;
};

/** Up to QUERY_BLOCK rows of queries of one head of keys, from `row` on. */
void multiplyBlock(const Attention &a, int64_t head, int64_t row, int64_t rows, const ManyRoom &room) {
  const int64_t d = a.headDim, width = a.width();
  Running states[QUERY_BLOCK];
  int64_t visible = 0;
  for (int64_t r = 0; r < rows; r++) {
    states[r] = {-__builtin_inff(), 0};
    visible = most(visible, a.seen(row + r));
  }
  memset(room.o, 0, size_t(4 * QUERY_BLOCK * width));
  for (int64_t r = 0; r < rows; r += MR) interleave<MR>(room.queryPanels + r * d, a.q + (row + r) * d, d, least(MR, rows - r), d);
  for (int64_t first = 0; first < visible; first += MANY_KEYS) {
    const int64_t count = least(MANY_KEYS, visible - first);
    const float *k = floatRows(a, 0, head, first, count, room.keys, room.numbers);
    for (int64_t j = 0; j < count; j += NR) {
      interleave<NR>(room.keyPanels, k + j * d, d, least(NR, count - j), d);
      for (int64_t r = 0; r < rows; r += MR)
        multiplyTile<false>(d, room.queryPanels + r * d, room.keyPanels, room.scores + r * MANY_KEYS + j, MANY_KEYS, false);
    }
    for (int64_t r = 0; r < rows; r++) {
      const int64_t seen = most(0, least(count, a.seen(row + r) - first));
      const float before = updateRow(room.scores + r * MANY_KEYS, seen, count, a.scale, a.logWeight == nullptr ? nullptr : a.logWeight + head * a.capacity + first, states[r]);
      if (before != 1) scaleBy(room.o + r * width, width, before);
    }
    for (int64_t r = 0; r < rows; r += MR)
      interleave<MR>(room.weightPanels + r * MANY_KEYS, room.scores + r * MANY_KEYS, MANY_KEYS, least(MR, rows - r), count);
    const float *v = floatRows(a, 1, head, first, count, room.keys, room.numbers);
    for (int64_t j = 0; j < d; j += NR) {
      copyLanes<NR>(room.valuePanels, v + j, d, least(NR, d - j), count);
      for (int64_t r = 0; r < rows; r += MR)
        multiplyTile<false>(count, room.weightPanels + r * MANY_KEYS, room.valuePanels, room.o + r * width + j, width, true);
    }
  }
  for (int64_t r = 0; r < rows; r++) finishRow(a, row + r, room.o + r * width, states[r]);
}

// ---- the call

struct AttentionRoom {
  int64_t shared, each;
};

AttentionRoom attentionRoom(const Attention &a) {
  const int64_t keys = a.keysAtOnce(), rows = roundUp(keys * a.headDim, 16), numbers = a.numbersRoom();
  if (a.few()) {
    const int64_t shared = a.kvHeads * a.pieces() * pieceFloats(a);
    return {roundUp(shared, 16), rows + numbers + roundUp(a.rows() * FEW_KEYS, 16) + roundUp(a.rows() * a.groups(), 16) + roundUp(a.headDim, 16)};
  }
  return {0, rows + numbers + QUERY_BLOCK * (a.headDim + 2 * MANY_KEYS + a.width()) + NR * (a.headDim + MANY_KEYS) + 16 * 16};
}

void attention(const Call &call, Member &member) {
  const Attention a = attentionOf(call);
  const int64_t rows = a.rows(), d = a.headDim;
  if (a.heads == 0 || a.queries == 0) return;
  const AttentionRoom sizes = attentionRoom(a);
  float *pieces = reinterpret_cast<float *>(member.scratch);
  float *at = pieces + sizes.shared + member.part * sizes.each;
  auto take = [&](int64_t floats) {
    float *from = at;
    at += roundUp(floats, 16);
    return from;
  };
  const int64_t keys = a.keysAtOnce();
  float *k = take(keys * d), *numbers = take(a.numbersRoom());
  if (a.few()) {
    const FewRoom room{k, numbers, take(rows * FEW_KEYS), take(rows * a.groups())};
    member.share(a.kvHeads * a.pieces(), [&](int64_t item) {
      streamPiece(a, item / a.pieces(), item % a.pieces(), room, pieces + item * pieceFloats(a));
    });
    member.barrier();
    float *o = take(d);
    member.share(a.kvHeads, [&](int64_t head) { mergePieces(a, head, pieces + head * a.pieces() * pieceFloats(a), o); });
    return;
  }
  const ManyRoom room{k, numbers, take(QUERY_BLOCK * d), take(NR * d), take(QUERY_BLOCK * MANY_KEYS), take(NR * MANY_KEYS), take(QUERY_BLOCK * MANY_KEYS), take(QUERY_BLOCK * a.width())};
  // Blocks of one head of queries where they fill one, so that causal ones end early; else of all that share the keys.
  const int64_t span = a.queries >= QUERY_BLOCK / 2 ? a.queries : rows, blocks = ceilDivide(span, QUERY_BLOCK);
  const int64_t spans = a.heads * a.queries / span;
  member.share(spans * blocks, [&](int64_t item) {
    const int64_t start = item / blocks * span + item % blocks * QUERY_BLOCK;
    multiplyBlock(a, start / rows, start, least(QUERY_BLOCK, item / blocks * span + span - start), room);
  });
}

size_t attentionScratch(const Call &call, int parts) {
  const Attention a = attentionOf(call);
  if (a.heads == 0 || a.queries == 0) return 0;
  const AttentionRoom sizes = attentionRoom(a);
  return size_t(4 * (sizes.shared + sizes.each * parts));
}

double attentionCost(const Call &call) {
  return call.number[0] * call.number[2] * call.number[3] * call.number[4] * 0.06 + call.number[1] * call.number[3] * call.number[4] * 0.1;
}

}  // namespace
