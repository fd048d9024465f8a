// Few queries meet keys and values in codes as they are stored: both sides are integers, of 8 bits or fewer and of
// 16, and only sums become floats.
//
// A group of codes stands for code · scale + shift, so that q · k = Σ scale · (q · codes) + shift · Σ q, and
// Σ w · v = Σ (w · scale) · code + Σ w · shift. A query is rounded as a whole, weights with their scales group by
// group for each block of keys. What rounding takes from their sums is given back for a code in the
// middle, so that only how codes differ from it is rounded.
#pragma once
#include "attention/cache.h"
#include "movement.h"

namespace {

/** Columns of values that are summed at a time. */
constexpr int64_t CODED_COLUMNS = 32;
/** Keys of a block; their products with integers of 16 bits fit an i32. */
constexpr int64_t CODED_KEYS = 128;
/** Columns of a group whose products do. */
constexpr int64_t WIDEST_GROUP = 1024;
/** The largest of the integers. */
constexpr float LARGEST_WORD = 32767;

/** Codes of a byte. */
template <int TYPE> constexpr int PER_BYTE = TYPE == CODES4 ? 2 : 1;
/** Bytes of a key that become words at once, vectors that these fill, and columns that they have. */
template <int TYPE> constexpr int KEY_BYTES = TYPE == CODES4 || W == 16 ? 2 * W : 4 * W;
template <int TYPE> constexpr int KEY_VECTORS = KEY_BYTES<TYPE> / (2 * W) * PER_BYTE<TYPE>;
template <int TYPE> constexpr int64_t KEY_COLUMNS = KEY_BYTES<TYPE> * PER_BYTE<TYPE>;
/** Bytes of a row of values that a vector has, of CODED_COLUMNS at most, and pairs of keys that share it. */
template <int TYPE> constexpr int VALUE_BYTES = CODED_COLUMNS / PER_BYTE<TYPE> < 4 * W ? int(CODED_COLUMNS) / PER_BYTE<TYPE> : 4 * W;
template <int TYPE> constexpr int PAIRS = 4 * W / VALUE_BYTES<TYPE>;
/** Vectors of sums that those columns have. */
template <int TYPE> constexpr int SUMS = int(CODED_COLUMNS) * PAIRS<TYPE> / W;

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
  /** (rows) what one of their integers stands for; (rows, groups) what rounding took, and their sums. */
  float *unit, *rest, *ones;
  /** (keys, groups) as they are stored. */
  float *numbers;
  /** (groups, keys) */
  float *scale, *shift;
  /** (keys) weights times the scales of a group, and as integers. */
  float *scaled;
  int16_t *weights;
  /** (rows, sumsOfRow): what lanes add up to, and what each group's shifts do. */
  float *sums;
};

INLINE int64_t sumsOfRow(const Attention &a) { return a.headDim * (a.type == CODES8 ? PAIRS<CODES8> : PAIRS<CODES4>) + a.groups(); }

/** Takes the room from `take`, which is given how many floats it is to have. */
template <class F> INLINE CodedRoom codedRoom(const Attention &a, F take) {
  const int64_t rows = a.rows(), groups = a.groups(), numbers = CODED_KEYS * groups;
  return {reinterpret_cast<int16_t *>(take(rows * a.headDim / 2)), take(rows), take(rows * groups), take(rows * groups), take(numbers),
          take(numbers), take(numbers), take(CODED_KEYS), reinterpret_cast<int16_t *>(take(CODED_KEYS / 2)), take(rows * sumsOfRow(a))};
}

/** The code in the middle. */
INLINE float middleOf(const Attention &a) { return a.type == CODES8 ? 127.5f : 7.5f; }

/** Bits of the magnitudes of numbers, which are ordered as these are; NaN is the largest. */
INLINE vi magnitudes(vf v) { return bitcast<vi>(v) & 0x7fffffff; }

/** What an integer stands for where the largest magnitude is to be the largest integer. */
struct WordUnit {
  float unit, lift, inverse;

  explicit WordUnit(vi magnitudes) {
    int32_t bits = 0;
    for (int i = 0; i < W; i++) bits = magnitudes[i] > bits ? magnitudes[i] : bits;
    float max;
    memcpy(&max, &bits, 4);
    // Small numbers are lifted so that the inverse stays finite.
    lift = max < 1e-30f ? 0x1p80f : 1.0f;
    inverse = max == 0 ? 0 : LARGEST_WORD / (max * lift);
    unit = max - max == 0 ? max * lift / LARGEST_WORD / lift : __builtin_nanf("");
  }
  bool finite() const { return unit == unit; }
};

/** Rounds whole vectors of finite numbers. Returns what that took from their sum. */
INLINE float roundWords(int16_t *out, const float *x, int64_t count, const WordUnit &to) {
  vi total{};
  vf sum{};
  for (int64_t i = 0; i < count; i += W) {
    const vf v = loadf(x + i);
    const vi n = nearest(v * to.lift * to.inverse);
    sum += v;
    total += n;
    store(out + i, __builtin_convertvector(n, vh));
  }
  return sumOf(sum) - to.unit * sumOf(tofloat(total));
}

/** Rounds the queries of a head of keys; false where one is not finite. */
template <int TYPE> bool roundQueries(const Attention &a, const CodedRoom &room, const float *q) {
  const int64_t d = a.headDim, groups = a.groups(), width = d / groups;
  for (int64_t r = 0; r < a.rows(); r++, q += d) {
    vi top{};
    for (int64_t i = 0; i < d; i += W) {
      const vi magnitude = magnitudes(loadf(q + i));
      top = magnitude > top ? magnitude : top;
    }
    const WordUnit unit(top);
    if (!unit.finite()) return false;
    room.unit[r] = unit.unit;
    for (int64_t g = 0; g < groups; g++) {
      int16_t words[WIDEST_GROUP];
      room.rest[r * groups + g] = roundWords(words, q + g * width, width, unit) * middleOf(a);
      float ones = 0;
      for (int64_t j = 0; j < width; j++) {
        ones += q[g * width + j];
        // In the order in which codesOfKey gives codes.
        const int64_t at = g * width + j, in = at % KEY_COLUMNS<TYPE>;
        room.queries[r * d + at - in + in % KEY_VECTORS<TYPE> * 2 * W + in / KEY_VECTORS<TYPE>] = words[j];
      }
      room.ones[r * groups + g] = ones;
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
  static_assert(SPAN <= 2, "a vector has one group or two");
  vf lanes = splat(*scale);
  if constexpr (SPAN == 2) {
    const vf upper = splat(scale[CODED_KEYS]);
    memcpy(reinterpret_cast<uint8_t *>(&lanes) + 2 * W, &upper, 2 * W);
  }
  return lanes;
}

/** The codes of some bytes as words: neighbours go to vectors in turn. */
template <int TYPE> INLINE void codesOfKey(vs (&codes)[KEY_VECTORS<TYPE>], const uint8_t *p) {
  if constexpr (KEY_BYTES<TYPE> == 4 * W) {
    const vus words = load<vus>(p);
    codes[0] = bitcast<vs>(words & 255);
    codes[1] = bitcast<vs>(words >> 8);
  } else {
    const vus bytes = __builtin_convertvector(load<vuw>(p), vus);
    codes[0] = bitcast<vs>(TYPE == CODES8 ? bytes : bytes & 15);
    if constexpr (TYPE == CODES4) codes[1] = bitcast<vs>(bytes >> 4);
  }
}

/**
 * Adds the products of R keys with a row of queries, and fetches their values meanwhile, which nothing else has announced.
 * SPAN groups share a vector; WIDTH, where it is known, is what they span.
 */
template <int TYPE, int R, int SPAN, int WIDTH>
INLINE void meetKeys(float *scores, const int16_t *q, int64_t d, int64_t width, const uint8_t *keys, int64_t rowBytes, const float *scale, float unit, const uint8_t *values) {
  constexpr int64_t step = KEY_COLUMNS<TYPE>;
  constexpr int vectors = KEY_VECTORS<TYPE>;
  const int64_t span = WIDTH > 0 ? WIDTH : SPAN * width;
  vf total[R] = {};
  for (int64_t start = 0; start < d; start += span, scale += SPAN * CODED_KEYS) {
    vi dots[R] = {};
    for (int64_t i = start; i < start + span; i += step) {
      UNROLL for (int line = 0; line < R * KEY_BYTES<TYPE>; line += 64) prefetch(values + line);
      values += R * KEY_BYTES<TYPE>;
      vs x[vectors];
      UNROLL for (int v = 0; v < vectors; v++) x[v] = load<vs>(q + i + v * 2 * W);
      UNROLL for (int r = 0; r < R; r++) {
        vs codes[vectors];
        codesOfKey<TYPE>(codes, keys + r * rowBytes + i / PER_BYTE<TYPE>);
        vi sum = madd(codes[0], x[0]);
        UNROLL for (int v = 1; v < vectors; v++) sum += madd(codes[v], x[v]);
        dots[r] += sum;
      }
    }
    UNROLL for (int r = 0; r < R; r++) total[r] = fma(tofloat(dots[r]), lanesOfGroups<SPAN>(scale + r), total[r]);
  }
  if constexpr (R == 4) store(scores, load<f4>(scores) + sumOf4(total[0], total[1], total[2], total[3]) * unit);
  else *scores += sumOf(total[0]) * unit;
}

/** Scales and shifts that come next: those of the keys of the next block, and of the values of this one. */
struct NextNumbers {
  const uint8_t *at[4];
  int64_t rowBytes;

  NextNumbers(const Attention &a, int64_t row) : rowBytes(a.groups() * (a.scaleType == 0 ? 4 : 2)) {
    for (int which = 0; which < 2; which++) {
      const int64_t first = (which == 0 ? row + CODED_KEYS : row) * rowBytes;
      at[which] = a.scales[which] + first;
      at[2 + which] = (a.shiftKind == 2 ? a.shifts : a.scales)[which] + first;
    }
  }
  void fetch(int64_t key) const {
    UNROLL for (int i = 0; i < 4; i++) prefetch(at[i] + key * rowBytes);
  }
};

template <int TYPE, int SPAN, int WIDTH> void scoreCodes(const Attention &a, const CodedRoom &given, int64_t r, int64_t row, int64_t count, float *scores) {
  const CodedRoom room = given;
  const int64_t d = a.headDim, groups = a.groups(), bytes = a.rowBytes();
  const float unit = room.unit[r], *rest = room.rest + r * groups, *ones = room.ones + r * groups;
  for (int64_t j = 0; j < count; j += W) {
    vf sum{};
    for (int64_t g = 0; g < groups; g++) {
      const int64_t at = g * CODED_KEYS + j;
      sum = fma(loadf(room.scale + at), splat(rest[g]), fma(loadf(room.shift + at), splat(ones[g]), sum));
    }
    storef(scores + j, sum);
  }
  const uint8_t *keys = a.tensors[0] + row * bytes, *values = a.tensors[1] + row * bytes;
  const int16_t *q = room.queries + r * d;
  const NextNumbers numbers(a, row);
  int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    numbers.fetch(j);
    meetKeys<TYPE, 4, SPAN, WIDTH>(scores + j, q, d, d / groups, keys + j * bytes, bytes, room.scale + j, unit, values + j * bytes);
  }
  for (; j < count; j++) meetKeys<TYPE, 1, SPAN, WIDTH>(scores + j, q, d, d / groups, keys + j * bytes, bytes, room.scale + j, unit, values + j * bytes);
}

// ---- values

/** Adds the products of some pairs of keys, one for each VALUE_BYTES of a vector, with their weights; row(i) is where one begins. */
template <int TYPE, class F> INLINE void addCodes(vi sum[SUMS<TYPE>], const int16_t *weights, F row) {
  constexpr int pairs = PAIRS<TYPE>, bytes = VALUE_BYTES<TYPE>, units = int(CODED_COLUMNS) / PER_BYTE<TYPE> / bytes;
  vi w;
  UNROLL for (int p = 0; p < pairs; p++) {
    int32_t pair;
    memcpy(&pair, weights + 2 * p, 4);
    UNROLL for (int i = 0; i < W / pairs; i++) w[W / pairs * p + i] = pair;
  }
  UNROLL for (int u = 0; u < units; u++) {
    vus even, odd;
    UNROLL for (int p = 0; p < pairs; p++) {
      memcpy(reinterpret_cast<uint8_t *>(&even) + bytes * p, row(2 * p) + bytes * u, bytes);
      memcpy(reinterpret_cast<uint8_t *>(&odd) + bytes * p, row(2 * p + 1) + bytes * u, bytes);
    }
    UNROLL for (int half = 0; half < 2; half++) {
      const vus both = half == 0 ? weaveWordsLow(even, odd) : weaveWordsHigh(even, odd);
      vi *to = sum + (2 * u + half) * 2 * PER_BYTE<TYPE>;
      auto add = [&](int i, vus codes) INLINED { to[i] += madd(bitcast<vs>(codes), bitcast<vs>(w)); };
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

/**
 * Adds 32 columns, which begin at `values` in rows of `rowBytes`, of some keys to their sums. As much is fetched from
 * `next` on meanwhile.
 */
template <int TYPE> NOINLINE void addColumns(float *sums, const int16_t *weights, float unit, const uint8_t *values, int64_t rowBytes, int64_t count, const uint8_t *next) {
  constexpr int step = 2 * PAIRS<TYPE>, bytes = step * int(CODED_COLUMNS) / PER_BYTE<TYPE>;
  vi sum[SUMS<TYPE>] = {};
  int64_t left = count;
  for (; left >= step; left -= step, weights += step, values += step * rowBytes, next += bytes) {
    UNROLL for (int line = 0; line < bytes; line += 64) prefetch(next + line);
    addCodes<TYPE>(sum, weights, [&](int i) INLINED { return values + i * rowBytes; });
  }
  // What is past the last has no weight.
  if (left > 0) addCodes<TYPE>(sum, weights, [&](int64_t i) INLINED { return values + least(i, left - 1) * rowBytes; });
  UNROLL for (int t = 0; t < SUMS<TYPE>; t++) storef(sums + t * W, fma(tofloat(sum[t]), splat(unit), loadf(sums + t * W)));
}

/** Adds the values of some keys, with their weights, to the sums of a row. */
template <int TYPE> void weighCodes(const Attention &a, const CodedRoom &given, int64_t r, int64_t row, int64_t count, float *weights) {
  const CodedRoom room = given;
  const int64_t d = a.headDim, groups = a.groups(), width = d / groups, bytes = a.rowBytes(), padded = roundUp(count, 16);
  float *sums = room.sums + r * sumsOfRow(a), *bases = sums + d * PAIRS<TYPE>;
  const uint8_t *values = a.tensors[1] + row * bytes, *next = a.tensors[0] + (row + CODED_KEYS) * bytes;
  for (int64_t j = count; j < padded; j++) weights[j] = 0;
  for (int64_t g = 0; g < groups; g++) {
    vf base[16 / W] = {};
    vi top{};
    for (int64_t j = 0; j < padded; j += 16)
      UNROLL for (int i = 0; i < 16 / W; i++) {
        const int64_t at = j + i * W;
        const vf w = loadf(weights + at), scaled = w * loadf(room.scale + g * CODED_KEYS + at);
        const vi magnitude = magnitudes(scaled);
        storef(room.scaled + at, scaled);
        top = magnitude > top ? magnitude : top;
        base[i] = fma(w, loadf(room.shift + g * CODED_KEYS + at), base[i]);
      }
    UNROLL for (int i = 1; i < 16 / W; i++) base[0] += base[i];
    const WordUnit unit(top);
    const float rest = unit.finite() ? roundWords(room.weights, room.scaled, padded, unit) : 0;
    if (!unit.finite()) memset(room.weights, 0, size_t(2 * padded));
    bases[g] += sumOf(base[0]) + rest * middleOf(a);
    for (int64_t i = g * width; i < (g + 1) * width; i += CODED_COLUMNS)
      addColumns<TYPE>(sums + i * PAIRS<TYPE>, room.weights, unit.unit, values + i / PER_BYTE<TYPE>, bytes, count, next + i / PER_BYTE<TYPE> * CODED_KEYS);
  }
}

/** o (headDim) from the sums of a row. */
template <int TYPE> void orderSums(const Attention &a, const float *sums, float *o) {
  constexpr int codes = 2 * PER_BYTE<TYPE>, halves = VALUE_BYTES<TYPE> / 16;
  const int64_t d = a.headDim, width = d / a.groups();
  const float *bases = sums + d * PAIRS<TYPE>;
  for (int64_t i = 0; i < d; i++) o[i] = bases[i / width];
  // Of the words of a row, in each 16 bytes, the first four go to lanes of some vectors, the last four to those of others.
  for (int64_t start = 0; start < d; start += CODED_COLUMNS)
    for (int64_t i = 0; i < CODED_COLUMNS; i++) {
      const int64_t word = i / codes, in = word % 8, unit = word / 8 / halves, half = word / 8 % halves;
      const float *lanes = sums + start * PAIRS<TYPE> + ((2 * unit + in / 4) * codes + i % codes) * W + 4 * half + in % 4;
      float sum = 0;
      for (int64_t p = 0; p < PAIRS<TYPE>; p++) sum += lanes[4 * halves * p];
      o[start + i] += TYPE == CODES4 && i % 2 == 1 ? sum / 16 : sum;
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
