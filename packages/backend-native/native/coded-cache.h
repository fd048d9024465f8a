// Few queries meet keys and values in codes as they are stored: both sides are integers, of 8 bits or fewer and of
// 16, and only sums become floats.
//
// A group of codes stands for code · scale + shift, so that q · k = Σ scale · (q · codes) + shift · Σ q, and
// Σ w · v = Σ (w · scale) · code + Σ w · shift. Queries are rounded group by group, weights with their scales
// group by group for each block of keys. What rounding takes from their sums is given back for a code in the
// middle, so that only how codes differ from it is rounded.
#pragma once
#include "cache.h"
#include "movement.h"

namespace {

/** Columns of values that are summed at a time. */
constexpr int64_t CODED_COLUMNS = 32;
/** Keys of a block; their products with integers of 16 bits fit an i32. */
constexpr int64_t CODED_KEYS = 128;
/** Columns of a group whose products do. */
constexpr int64_t WIDEST_GROUP = 1024;
/** Pairs of keys whose values are weighed at once: one for each 16 bytes of a vector. */
constexpr int PAIRS = W / 4;
/** The largest of the integers. */
constexpr float LARGEST_WORD = 32767;

/** Codes of a byte, and columns that one vector of keys has. */
template <int TYPE> constexpr int PER_BYTE = TYPE == CODES4 ? 2 : 1;
template <int TYPE> constexpr int64_t KEY_COLUMNS = 2 * W * PER_BYTE<TYPE>;

INLINE int64_t keyColumns(int64_t type) { return type == CODES4 ? KEY_COLUMNS<CODES4> : KEY_COLUMNS<CODES8>; }

/** Whether few rows meet groups that are whole vectors, or half of one, of keys. */
INLINE bool meetsCodes(const Attention &a) {
  const int64_t width = least(a.group, a.headDim), step = keyColumns(a.type);
  return a.type >= CODES8 && a.rows() <= CODED_ROWS && width > 0 && width <= WIDEST_GROUP && width % CODED_COLUMNS == 0 &&
         (width % step == 0 || 2 * width == step) && a.headDim % width == 0 && a.headDim % step == 0;
}

/** What a thread holds of a head and of a block of its keys. */
struct CodedRoom {
  /** (rows, headDim), in the order in which keys meet them. */
  int16_t *queries;
  /** (rows, groups): what one of their integers stands for, what rounding took, and their sums. */
  float *unit, *rest, *ones;
  /** (keys, groups) as they are stored. */
  float *numbers;
  /** (groups, keys) */
  float *scale, *shift, *scaled;
  /** (groups, keys) */
  int16_t *weights;
  /** (rows, sumsOfRow): what lanes add up to, and what each group's shifts do. */
  float *sums;
};

INLINE int64_t sumsOfRow(const Attention &a) { return a.headDim * PAIRS + a.groups(); }

/** Takes the room from `take`, which is given how many floats it is to have. */
template <class F> INLINE CodedRoom codedRoom(const Attention &a, F take) {
  const int64_t rows = a.rows(), groups = a.groups(), numbers = CODED_KEYS * groups;
  return {reinterpret_cast<int16_t *>(take(rows * a.headDim / 2)), take(rows * groups), take(rows * groups), take(rows * groups), take(numbers),
          take(numbers), take(numbers), take(numbers), reinterpret_cast<int16_t *>(take(numbers / 2)), take(rows * sumsOfRow(a))};
}

/** The code in the middle. */
INLINE float middleOf(const Attention &a) { return a.type == CODES8 ? 127.5f : 7.5f; }

/** Rounds whole vectors of numbers. Returns what one integer stands for, NaN where a number is not finite, and what rounding took from their sum. */
struct Rounded {
  float unit, rest;
};
INLINE Rounded roundWords(int16_t *out, const float *x, int64_t count) {
  vi top{};
  vf sum{};
  for (int64_t i = 0; i < count; i += W) {
    vf v = loadf(x + i);
    vi magnitude = bitcast<vi>(v) & 0x7fffffff;
    top = magnitude > top ? magnitude : top;
    sum += v;
  }
  // Among bits of magnitudes NaN is the largest.
  const float max = maxOf(bitcast<vf>(top));
  if (!(max - max == 0)) {
    memset(out, 0, size_t(2 * count));
    return {__builtin_nanf(""), 0};
  }
  // Small numbers are lifted so that the inverse stays finite.
  const float lift = max < 1e-30f ? 0x1p80f : 1.0f, inverse = max == 0 ? 0 : LARGEST_WORD / (max * lift);
  vi total{};
  for (int64_t i = 0; i < count; i += W) {
    vi n = nearest(loadf(x + i) * lift * inverse);
    total += n;
    store(out + i, __builtin_convertvector(n, vh));
  }
  const float unit = max * lift / LARGEST_WORD / lift;
  return {unit, sumOf(sum) - unit * sumOf(tofloat(total))};
}

/** Rounds the queries of a head of keys; false where one is not finite. */
template <int TYPE> bool roundQueries(const Attention &a, const CodedRoom &room, const float *q) {
  const int64_t d = a.headDim, groups = a.groups(), width = d / groups;
  for (int64_t i = 0; i < a.rows() * groups; i++) {
    int16_t words[WIDEST_GROUP];
    const Rounded rounded = roundWords(words, q + i * width, width);
    if (rounded.unit != rounded.unit) return false;
    room.unit[i] = rounded.unit;
    room.rest[i] = rounded.rest * middleOf(a);
    room.ones[i] = 0;
    for (int64_t j = 0; j < width; j++) {
      room.ones[i] += q[i * width + j];
      // Codes of one vector are first the lower ones of its bytes, then the upper.
      const int64_t at = i * width + j, in = at % KEY_COLUMNS<TYPE>;
      room.queries[at - in + in % PER_BYTE<TYPE> * 2 * W + in / PER_BYTE<TYPE>] = words[j];
    }
  }
  return true;
}

/** x (rows, columns) of 16 bits to y (columns, rows) with rows `to` apart. */
INLINE void transposeHalves(uint16_t *y, int64_t to, const uint16_t *x, int64_t rows, int64_t columns) {
  typedef uint16_t h8 __attribute__((vector_size(16)));
  typedef uint64_t l2 __attribute__((vector_size(16)));
  int64_t r = 0;
  if (columns == 4)
    for (; r + 4 <= rows; r += 4) {
      const h8 a = load<h8>(x + 4 * r), b = load<h8>(x + 4 * r + 8);
      const h8 even = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11), odd = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
      const l2 first = bitcast<l2>(__builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
      const l2 last = bitcast<l2>(__builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15));
      memcpy(y + r, &first, 8);
      memcpy(y + to + r, reinterpret_cast<const uint8_t *>(&first) + 8, 8);
      memcpy(y + 2 * to + r, &last, 8);
      memcpy(y + 3 * to + r, reinterpret_cast<const uint8_t *>(&last) + 8, 8);
    }
  for (; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) y[c * to + r] = x[r * columns + c];
}

/** Scales or shifts of some rows as float32, (groups, keys); zeros follow the last to whole vectors. */
INLINE void widenGroups(float *out, const uint8_t *from, int64_t type, int64_t count, int64_t groups, float *room) {
  if (type == 0) {
    transposeBlock(out, CODED_KEYS, reinterpret_cast<const float *>(from), groups, count, groups);
  } else {
    uint16_t *halves = reinterpret_cast<uint16_t *>(room);
    transposeHalves(halves, CODED_KEYS, reinterpret_cast<const uint16_t *>(from), count, groups);
    for (int64_t g = 0; g < groups; g++)
      for (int64_t j = 0; j < count; j += W) storef(out + g * CODED_KEYS + j, fromHalf(halves + g * CODED_KEYS + j));
  }
  for (int64_t g = 0; g < groups; g++)
    for (int64_t j = count; j < roundUp(count, 16); j++) out[g * CODED_KEYS + j] = 0;
}

/** The scales and shifts of some rows, group by group. */
void widenCoded(const Attention &a, const CodedRoom &room, int which, int64_t row, int64_t count) {
  const int64_t groups = a.groups(), from = row * groups, size = a.scaleType == 0 ? 4 : 2;
  widenGroups(room.scale, a.scales[which] + from * size, a.scaleType, count, groups, room.numbers);
  if (a.shiftKind == 2) widenGroups(room.shift, a.shifts[which] + from * size, a.scaleType, count, groups, room.numbers);
  for (int64_t g = 0; a.shiftKind != 2 && g < groups; g++)
    for (int64_t j = 0; j < roundUp(count, 16); j++) {
      const float zero = a.shiftKind == 1 && j < count ? float(a.shifts[which][from + j * groups + g]) : a.shiftKind == 3 ? a.constant : 0;
      room.shift[g * CODED_KEYS + j] = -zero * room.scale[g * CODED_KEYS + j];
    }
}

// ---- keys

/** The scales of SPAN groups of a key, for the lanes that they have. */
template <int SPAN> INLINE vf lanesOfGroups(const float *scale) {
  if constexpr (SPAN == 1) return splat(*scale);
  float lanes[W];
  for (int i = 0; i < W; i++) lanes[i] = scale[i / (W / SPAN) * CODED_KEYS];
  return loadf(lanes);
}

/** Adds the products of R keys with a row of queries. SPAN groups share a vector; WIDTH, where it is known, is what they span. */
template <int TYPE, int R, int SPAN, int WIDTH>
INLINE void meetKeys(float *scores, const int16_t *q, int64_t d, int64_t width, const uint8_t *keys, int64_t rowBytes, const float *scaled) {
  constexpr int64_t step = KEY_COLUMNS<TYPE>;
  const int64_t span = WIDTH > 0 ? WIDTH : SPAN * width;
  vf total[R] = {};
  for (int64_t start = 0; start < d; start += span, scaled += SPAN * CODED_KEYS) {
    vi dots[R] = {};
    for (int64_t i = start; i < start + span; i += step) {
      const vs low = load<vs>(q + i), high = PER_BYTE<TYPE> == 2 ? load<vs>(q + i + 2 * W) : vs{};
      UNROLL for (int r = 0; r < R; r++) {
        vus codes = __builtin_convertvector(load<vuw>(keys + r * rowBytes + i / PER_BYTE<TYPE>), vus);
        if constexpr (TYPE == CODES8) dots[r] += madd(bitcast<vs>(codes), low);
        else dots[r] += madd(bitcast<vs>(codes & 15), low) + madd(bitcast<vs>(codes >> 4), high);
      }
    }
    UNROLL for (int r = 0; r < R; r++) total[r] = fma(tofloat(dots[r]), lanesOfGroups<SPAN>(scaled + r), total[r]);
  }
  if constexpr (R == 4) store(scores, load<f4>(scores) + sumOf4(total[0], total[1], total[2], total[3]));
  else *scores += sumOf(total[0]);
}

/** Fetches what four keys need later: their values, which nothing has announced, and the few numbers of both. */
INLINE void fetchAhead(const Attention &a, int64_t row) {
  const int64_t numbers = a.groups() * (a.scaleType == 0 ? 4 : 2), bytes = a.rowBytes();
  for (int64_t line = 0; line < 4 * bytes; line += 64) prefetch(a.tensors[1] + row * bytes + line);
  prefetch(a.scales[0] + (row + CODED_KEYS) * numbers);
  prefetch(a.scales[1] + row * numbers);
  if (a.shiftKind != 2) return;
  prefetch(a.shifts[0] + (row + CODED_KEYS) * numbers);
  prefetch(a.shifts[1] + row * numbers);
}

template <int TYPE, int SPAN, int WIDTH> void scoreCodes(const Attention &a, const CodedRoom &given, int64_t r, int64_t row, int64_t count, float *scores) {
  const CodedRoom room = given;
  const int64_t d = a.headDim, groups = a.groups(), bytes = a.rowBytes();
  const float *unit = room.unit + r * groups, *rest = room.rest + r * groups, *ones = room.ones + r * groups;
  for (int64_t j = 0; j < count; j += W) {
    vf sum{};
    for (int64_t g = 0; g < groups; g++) {
      const int64_t at = g * CODED_KEYS + j;
      const vf scale = loadf(room.scale + at);
      storef(room.scaled + at, scale * unit[g]);
      sum = fma(scale, splat(rest[g]), fma(loadf(room.shift + at), splat(ones[g]), sum));
    }
    storef(scores + j, sum);
  }
  const uint8_t *keys = a.tensors[0] + row * bytes;
  const int16_t *q = room.queries + r * d;
  int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    fetchAhead(a, row + j);
    meetKeys<TYPE, 4, SPAN, WIDTH>(scores + j, q, d, d / groups, keys + j * bytes, bytes, room.scaled + j);
  }
  for (; j < count; j++) meetKeys<TYPE, 1, SPAN, WIDTH>(scores + j, q, d, d / groups, keys + j * bytes, bytes, room.scaled + j);
}

// ---- values

/**
 * Adds the products of 2 · PAIRS keys with their weights to eight vectors. Of the 32 columns of a row the bytes
 * 2i and 2i + 1 go to lane i mod 4 of two vectors, in codes of 4 bits of four.
 */
template <int TYPE> INLINE void addCodes(vi sum[8], const int16_t *weights, const uint8_t *const (&rows)[2 * PAIRS], int64_t at) {
  constexpr int units = CODED_COLUMNS / PER_BYTE<TYPE> / 16, each = 8 / units;
  vi w;
  UNROLL for (int p = 0; p < PAIRS; p++) {
    int32_t pair;
    memcpy(&pair, weights + 2 * p, 4);
    UNROLL for (int i = 0; i < 4; i++) w[4 * p + i] = pair;
  }
  UNROLL for (int u = 0; u < units; u++) {
    vus even, odd;
    UNROLL for (int p = 0; p < PAIRS; p++) {
      memcpy(reinterpret_cast<uint8_t *>(&even) + 16 * p, rows[2 * p] + at + 16 * u, 16);
      memcpy(reinterpret_cast<uint8_t *>(&odd) + 16 * p, rows[2 * p + 1] + at + 16 * u, 16);
    }
    UNROLL for (int half = 0; half < 2; half++) {
      const vus both = half == 0 ? weaveWordsLow(even, odd) : weaveWordsHigh(even, odd);
      vi *to = sum + u * each + half * each / 2;
      auto add = [&](int i, vus codes) { to[i] += madd(bitcast<vs>(codes), bitcast<vs>(w)); };
      if constexpr (TYPE == CODES8) {
        add(0, both & 0xff);
        add(1, both >> 8);
      } else {
        // Upper codes stay 16 times what they are.
        add(0, both & 0x0f);
        add(1, both & 0xf0);
        add(2, (both >> 8) & 0x0f);
        add(3, (both >> 8) & 0xf0);
      }
    }
  }
}

/** Adds 32 columns, from byte `at` of a row on, of some values to their sums. */
template <int TYPE> NOINLINE void addColumns(float *sums, const int16_t *weights, float unit, const uint8_t *values, int64_t rowBytes, int64_t count, int64_t at) {
  vi sum[8] = {};
  int64_t j = 0;
  for (; j + 2 * PAIRS <= count; j += 2 * PAIRS) {
    const uint8_t *rows[2 * PAIRS];
    UNROLL for (int i = 0; i < 2 * PAIRS; i++) rows[i] = values + (j + i) * rowBytes;
    addCodes<TYPE>(sum, weights + j, rows, at);
  }
  if (j < count) {
    // What is past the last has no weight.
    const uint8_t *rows[2 * PAIRS];
    for (int i = 0; i < 2 * PAIRS; i++) rows[i] = values + least(j + i, count - 1) * rowBytes;
    addCodes<TYPE>(sum, weights + j, rows, at);
  }
  UNROLL for (int t = 0; t < 8; t++) storef(sums + t * W, fma(tofloat(sum[t]), splat(unit), loadf(sums + t * W)));
}

/** Adds the values of some keys, with their weights, to the sums of a row. */
template <int TYPE> void weighCodes(const Attention &a, const CodedRoom &room, int64_t r, int64_t row, int64_t count, float *weights) {
  const int64_t d = a.headDim, groups = a.groups(), width = d / groups, bytes = a.rowBytes(), padded = roundUp(count, 16);
  float *sums = room.sums + r * sumsOfRow(a), *bases = sums + d * PAIRS;
  const uint8_t *values = a.tensors[1] + row * bytes;
  for (int64_t j = count; j < padded; j++) weights[j] = 0;
  for (int64_t g = 0; g < groups; g++) {
    vf base{};
    for (int64_t j = 0; j < padded; j += W) {
      const vf w = loadf(weights + j);
      base = fma(w, loadf(room.shift + g * CODED_KEYS + j), base);
      storef(room.scaled + j, w * loadf(room.scale + g * CODED_KEYS + j));
    }
    const Rounded rounded = roundWords(room.weights, room.scaled, padded);
    bases[g] += sumOf(base) + rounded.rest * middleOf(a);
    for (int64_t i = g * width; i < (g + 1) * width; i += CODED_COLUMNS)
      addColumns<TYPE>(sums + i * PAIRS, room.weights, rounded.unit, values, bytes, count, i / PER_BYTE<TYPE>);
  }
}

/** o (headDim) from the sums of a row. */
template <int TYPE> void orderSums(const Attention &a, const float *sums, float *o) {
  constexpr int units = CODED_COLUMNS / PER_BYTE<TYPE> / 16, codes = 2 * PER_BYTE<TYPE>;
  const int64_t d = a.headDim, width = d / a.groups();
  const float *bases = sums + d * PAIRS;
  for (int64_t i = 0; i < d; i++) o[i] = bases[i / width];
  for (int64_t start = 0; start < d; start += CODED_COLUMNS)
    for (int64_t word = 0; word < 8 * units; word++)
      for (int64_t code = 0; code < codes; code++) {
        const float *lanes = sums + start * PAIRS + (word / 4 * codes + code) * W + word % 4;
        float sum = 0;
        for (int64_t p = 0; p < PAIRS; p++) sum += lanes[4 * p];
        o[start + word * codes + code] += TYPE == CODES4 && code % 2 == 1 ? sum / 16 : sum;
      }
}

/** The steps of a piece, for whichever codes and groups. */
struct CodedSteps {
  bool (*round)(const Attention &, const CodedRoom &, const float *q);
  void (*scores)(const Attention &, const CodedRoom &, int64_t r, int64_t row, int64_t count, float *scores);
  void (*sums)(const Attention &, const CodedRoom &, int64_t r, int64_t row, int64_t count, float *weights);
  void (*order)(const Attention &, const float *sums, float *o);
};
template <int TYPE, int SPAN, int WIDTH> constexpr CodedSteps codedStepsFor() { return {roundQueries<TYPE>, scoreCodes<TYPE, SPAN, WIDTH>, weighCodes<TYPE>, orderSums<TYPE>}; }
template <int TYPE> INLINE CodedSteps codedStepsFor(int64_t width) {
  if (width % KEY_COLUMNS<TYPE> != 0) return codedStepsFor<TYPE, 2, int(KEY_COLUMNS<TYPE>)>();
  if (width == 32) return codedStepsFor<TYPE, 1, 32>();
  return codedStepsFor<TYPE, 1, 0>();
}
INLINE CodedSteps codedStepsOf(const Attention &a) {
  const int64_t width = least(a.group, a.headDim);
  return a.type == CODES8 ? codedStepsFor<CODES8>(width) : codedStepsFor<CODES4>(width);
}

}  // namespace
