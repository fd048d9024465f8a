// Linear layers over packed weights: narrow codes against activations rounded to integers, group by group.
#pragma once
#include "gemm.h"
#include "packed-layout.h"

namespace {

/** Vectors that hold one number for each row of a tile. */
constexpr int NT = int(TILE_ROWS) / W;

/** Whether `dot` takes codes of all 8 bits; elsewhere they go as 16-bit integers. */
#if defined(TERSOR_AVX512)
constexpr bool WIDE_DOT = true;
#else
constexpr bool WIDE_DOT = false;
#endif

/** Rows of activations that share one reading of the codes. */
#if defined(TERSOR_AVX512)
constexpr int MOST_ROWS = 8;
#elif defined(TERSOR_AVX2) || defined(TERSOR_NEON)
constexpr int MOST_ROWS = 4;
#else
constexpr int MOST_ROWS = 2;
#endif

/** As many of them read the codes from the stream; more, once they are unpacked. */
constexpr int STREAM_ROWS = MOST_ROWS < 4 ? MOST_ROWS : 4;

/** Tiles that one row of activations meets in turns, far apart from each other. */
constexpr int64_t PLACES = 2;

/** How far ahead of its use a stream is fetched. */
constexpr int64_t AHEAD = 2048;

// ---- codes

/**
 * Calls f(step, t, codes) for the steps of one unit of codes that are stored in STORED bits, t telling the
 * vectors of a tile apart. 0 stands for codes that are bytes already.
 */
template <int STORED, class F> INLINE void eachStep(const uint8_t *p, F f) {
  UNROLL for (int t = 0; t < NT; t++) {
    const uint8_t *at = p + t * 4 * W;
    if constexpr (STORED == 0 || STORED == 8) {
      f(0, t, load<vub>(at));
    } else if constexpr (STORED == 4) {
      vub v = load<vub>(at);
      f(0, t, v & 15);
      f(1, t, bitcast<vub>(bitcast<vus>(v) >> 4) & 15);
    } else if constexpr (STORED == 2) {
      vub v = load<vub>(at);
      UNROLL for (int s = 0; s < 4; s++) f(s, t, bitcast<vub>(bitcast<vus>(v) >> (2 * s)) & 3);
    } else {
      vub third = load<vub>(at + 128);
      UNROLL for (int half = 0; half < 2; half++) {
        vub v = load<vub>(at + 64 * half);
        UNROLL for (int s = 0; s < 4; s++) {
          const int step = 4 * half + s;
          vus moved = step <= 2 ? bitcast<vus>(third) << (2 - step) : bitcast<vus>(third) >> (step - 2);
          f(step, t, (bitcast<vub>(bitcast<vus>(v) >> (2 * s)) & 3) | (bitcast<vub>(moved) & 4));
        }
      }
    }
  }
}

template <int STORED> constexpr int stepsOf() { return STORED == 4 ? 2 : STORED == 2 ? 4 : STORED == 3 ? 8 : 1; }
template <int STORED> constexpr int bytesOfUnit() { return STORED == 3 ? 192 : 64; }

/** What a group adds to its rows' codes: (code · scale) and its shift, as floats. */
struct Head {
  vf scale[NT], shift[NT];
};

INLINE vf headNumbers(const uint8_t *p, int64_t type) {
  return type == 0 ? load<vf>(p) : fromHalf(reinterpret_cast<const uint16_t *>(p));
}

template <bool SHIFTED> INLINE Head headOf(const uint8_t *p, const PackedLayout &layout, float constant) {
  Head h;
  UNROLL for (int t = 0; t < NT; t++) {
    h.scale[t] = headNumbers(p + t * W * layout.scaleBytes(), layout.scaleType);
    if (!SHIFTED) {
      h.shift[t] = splat(constant);
      continue;
    }
    const uint8_t *shift = p + 16 * layout.scaleBytes() + t * W * layout.shiftBytes();
    switch (layout.shiftKind) {
      case 1: h.shift[t] = tofloat(__builtin_convertvector(load<vq>(shift), vi)); break;
      case 2: h.shift[t] = headNumbers(shift, layout.scaleType); break;
      default: h.shift[t] = splat(constant);
    }
  }
  return h;
}

/**
 * sum += (dots·unit − zero·ones)·scale, or dots·unit·scale + offset·ones, where `ones` is the sum of the
 * activations. Without SHIFTED, `ones` has been multiplied by minus the zero that all groups share.
 */
template <bool SHIFTED> INLINE void addGroup(vf sum[NT], const vf dots[NT], const Head &h, int64_t shiftKind, float unit, float ones) {
  const vf u = splat(unit), o = splat(ones);
  UNROLL for (int t = 0; t < NT; t++) {
    if (!SHIFTED) sum[t] = fma(fma(dots[t], u, o), h.scale[t], sum[t]);
    else if (shiftKind == 1) sum[t] = fma(fma(dots[t], u, -(h.shift[t] * o)), h.scale[t], sum[t]);
    else sum[t] = fma(h.shift[t], o, fma(dots[t] * u, h.scale[t], sum[t]));
  }
}

// ---- dot products of codes with bytes

/** dots += codes of some steps · R rows of bytes, in exact integers; at most 8 steps. */
template <int STORED, int R> INLINE void dotUnits(DotSum sum[R][NT], const uint8_t *codes, const int8_t *x, int64_t stride, int units) {
  auto unit = [&](int u) {
    eachStep<STORED>(codes + u * bytesOfUnit<STORED>(), [&](int step, int t, vub v) {
      const int8_t *at = x + 4 * (u * stepsOf<STORED>() + step);
      UNROLL for (int r = 0; r < R; r++) {
        sum[r][t] = dot(sum[r][t], v, splat4(at + r * stride));
        KEEP(sum[r][t]);
      }
    });
  };
  // Unpacked codes meet so many rows that a loop keeps all sums in registers where straight code does not.
  if constexpr (STORED == 0) _Pragma("GCC unroll 2") for (int u = 0; u < units; u++) unit(u);
  else UNROLL for (int u = 0; u < units; u++) unit(u);
}

/** Columns whose products an i32 holds: 255 · 32512 · 256, or 15 · 32512 · 512. */
constexpr int64_t SEGMENT = 256;

/**
 * The dot products of one group's codes with R rows of bytes. With SPLIT the rows are high and low
 * bytes in turn, and half as many results come out.
 */
template <int STORED, int R, bool SPLIT, bool OF32>
INLINE void dotGroup(vf out[SPLIT ? R / 2 : R][NT], const uint8_t *codes, int64_t columns, const int8_t *x, int64_t stride) {
  constexpr int units = 8 / stepsOf<STORED>(), bytes = units * bytesOfUnit<STORED>();
  constexpr int results = SPLIT ? R / 2 : R;
  auto combined = [&](vi sum[R][NT], int i, int t) { return tofloat(SPLIT ? (sum[2 * i][t] << 8) + sum[2 * i + 1][t] : sum[i][t]); };
  if (OF32) {
    DotSum part[R][NT] = {};
    dotUnits<STORED, R>(part, codes, x, stride, units);
    vi sum[R][NT];
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] = widen(part[r][t]);
    UNROLL for (int i = 0; i < results; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] = combined(sum, i, t);
    return;
  }
  UNROLL for (int i = 0; i < results; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] = vf{};
  for (int64_t start = 0; start < columns; start += SEGMENT) {
    vi sum[R][NT] = {};
    int64_t left = least(SEGMENT, columns - start) / 4;
    for (; left >= 8; left -= 8, codes += bytes, x += 32) {
      DotSum part[R][NT] = {};
      dotUnits<STORED, R>(part, codes, x, stride, units);
      UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] += widen(part[r][t]);
    }
    for (; left > 0; left -= stepsOf<STORED>(), codes += bytesOfUnit<STORED>(), x += 4 * stepsOf<STORED>()) {
      DotSum part[R][NT] = {};
      dotUnits<STORED, R>(part, codes, x, stride, 1);
      UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] += widen(part[r][t]);
    }
    UNROLL for (int i = 0; i < results; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] += combined(sum, i, t);
  }
}

// ---- dot products with 16-bit integers, for codes of 8 bits and for tables

/** A table as 15-bit integers, in two bytes; `unit` is what one of them stands for. */
struct Table16 {
  vub low, high;
  float unit;
};

/** The largest magnitude of either operand here: 8 products fit an i32. */
constexpr int32_t Q15 = 16383;
/** Of activations that are split into two signed bytes: 127 · 256. */
constexpr int32_t Q16 = 32512;
constexpr int32_t Q8 = 127;

INLINE Table16 tableOf(const float *table, int64_t bits) {
  const int count = 1 << bits;
  float max = 0;
  for (int i = 0; i < count; i++) max = __builtin_fabsf(table[i]) > max ? __builtin_fabsf(table[i]) : max;
  bool finite = true;
  for (int i = 0; i < count; i++) finite &= table[i] - table[i] == 0;
  uint8_t low[16] = {}, high[16] = {};
  const double unit = max > 0 ? double(max) / Q15 : 1;
  for (int i = 0; i < count && finite; i++) {
    const int32_t q = int32_t(__builtin_rint(table[i] / unit));
    low[i] = uint8_t(q);
    high[i] = uint8_t(q >> 8);
  }
  return {table16(low), table16(high), finite ? float(unit) : __builtin_nanf("")};
}

INLINE vs splat8(const void *p) {
  int64_t word;
  memcpy(&word, p, 8);
  typedef int64_t vl __attribute__((vector_size(4 * W)));
  return bitcast<vs>(word - vl{});
}

INLINE vf addPairsFloat(vf a, vf b) {
#if defined(TERSOR_NEON)
  return (vf)vpaddq_f32((float32x4_t)a, (float32x4_t)b);
#elif defined(TERSOR_AVX512)
  return (vf)_mm512_shuffle_ps((__m512)a, (__m512)b, 0x88) + (vf)_mm512_shuffle_ps((__m512)a, (__m512)b, 0xdd);
#elif defined(TERSOR_AVX2)
  return (vf)_mm256_hadd_ps((__m256)a, (__m256)b);
#else
  return (vf)_mm_hadd_ps((__m128)a, (__m128)b);
#endif
}

/** Integers of one or two of a tile's vectors: the lower and upper eight bytes of each sixteen. */
template <bool TABLE> INLINE void dotWide(vi low[NT], vi high[NT], int t, vub v, const Table16 &table, vs x) {
  vub first = TABLE ? lookup16(table.low, v) : v, second = TABLE ? lookup16(table.high, v) : vub{};
  low[t] += madd(bitcast<vs>(weaveLow(first, second)), x);
  high[t] += madd(bitcast<vs>(weaveHigh(first, second)), x);
}

/** The dot products of one group with a row of 16-bit activations. */
template <int STORED, bool TABLE>
INLINE void dotGroup16(vf out[NT], const uint8_t *codes, int64_t columns, const int16_t *x, const Table16 &table) {
  constexpr int steps = stepsOf<STORED>();
  // With a table, four products of each lane; else as many as one segment has.
  constexpr int64_t segment = TABLE ? 4 * (steps > 4 ? steps : 4) : SEGMENT;
  vf low[NT] = {}, high[NT] = {};
  UNROLL for (int t = 0; t < NT; t++) out[t] = vf{};
  for (int64_t start = 0; start < columns; start += segment) {
    int64_t left = least(segment, columns - start) / 4;
    vi a[NT] = {}, b[NT] = {};
    for (; left > 0; left -= steps, codes += bytesOfUnit<STORED>(), x += 4 * steps) {
      eachStep<STORED>(codes, [&](int step, int t, vub v) {
        if (TABLE && step == 4) {
          // Eight steps share their bytes, twice what a lane holds.
          low[t] += tofloat(a[t]);
          high[t] += tofloat(b[t]);
          a[t] = b[t] = vi{};
        }
        dotWide<TABLE>(a, b, t, v, table, splat8(x + 4 * step));
      });
    }
    UNROLL for (int t = 0; t < NT; t++) {
      if (TABLE) {
        low[t] += tofloat(a[t]);
        high[t] += tofloat(b[t]);
      } else {
        out[t] += tofloat(addPairs(a[t], b[t]));
      }
    }
  }
  if (TABLE) UNROLL for (int t = 0; t < NT; t++) out[t] = addPairsFloat(low[t], high[t]) * table.unit;
}

// ---- activations

/** How activations are held: bytes, high and low bytes, or 16-bit integers. */
enum Rounding { BYTES, SPLIT_BYTES, WORDS, WORDS_FOR_TABLE };

struct Activations {
  Rounding rounding;
  int64_t groups, padded;
  /** (m, padded) words, or (m, 1 or 2, padded) bytes. */
  int8_t *values;
  /** (m, groups): what one integer stands for, and the sum of what is left of the activations. */
  float *unit, *ones;

  int64_t rowBytes() const { return rounding == BYTES ? padded : 2 * padded; }
};

/** Rounds one group of one row; `out` is where its integers begin in the row. */
NOINLINE void roundGroup(const Activations &to, int8_t *row, int64_t at, const float *x, int64_t columns, int64_t padded, float *unit, float *ones) {
  vi top{};
  for (int64_t i = 0; i < columns; i += W) {
    vi a = bitcast<vi>(i + W <= columns ? loadf(x + i) : loadPart(x + i, int(columns - i))) & 0x7fffffff;
    top = a > top ? a : top;
  }
  int32_t lanes[W], largest = 0;
  store(lanes, top);
  for (int i = 0; i < W; i++) largest = lanes[i] > largest ? lanes[i] : largest;
  float max;
  memcpy(&max, &largest, 4);
  const bool finite = largest < 0x7f800000;
  const float q = to.rounding == BYTES ? Q8 : to.rounding == WORDS_FOR_TABLE ? Q15 : Q16;
  // Small numbers are lifted so that the inverse stays finite.
  const float lift = max < 1e-30f ? 0x1p80f : 1.0f;
  const float inverse = !finite || max == 0 ? 0 : q / (max * lift);
  vi total{};
  for (int64_t i = 0; i < padded; i += W) {
    const int count = int(least(W, padded - i));
    vf v = i + W <= columns ? loadf(x + i) : loadPart(x + i, int(most(0, columns - i)));
    vi n = finite ? nearest(v * lift * inverse) : vi{};
    total += n;
    int16_t words[W];
    store(words, __builtin_convertvector(n, vh));
    if (to.rounding == BYTES) {
      vq bytes = __builtin_convertvector(n, vq);
      memcpy(row + at + i, &bytes, size_t(count));
    } else if (to.rounding == SPLIT_BYTES) {
      vi high = (n + 128) >> 8;
      vq highs = __builtin_convertvector(high, vq), lows = __builtin_convertvector(n - (high << 8), vq);
      memcpy(row + at + i, &highs, size_t(count));
      memcpy(row + to.padded + at + i, &lows, size_t(count));
    } else {
      memcpy(row + 2 * (at + i), words, size_t(2 * count));
    }
  }
  int64_t sum = 0;
  store(lanes, total);
  for (int i = 0; i < W; i++) sum += lanes[i];
  *unit = !finite ? __builtin_nanf("") : max * lift / q / lift;
  *ones = *unit * float(sum);
}

// ---- the product

struct PackedProduct {
  PackedLayout layout;
  const float *x, *table;
  const uint8_t *stream;
  float *y;
  int64_t m;
  float constant;
  bool accumulate;
  Rounding rounding;
  /** Many rows that no integers suit: decoded into panels of a float32 product. */
  bool decoded;
  Activations activations;
  /** For each thread, where there are many rows. */
  uint8_t *room;
  int64_t roomBytes;

  int rowsAtOnce() const { return rounding == BYTES ? STREAM_ROWS : STREAM_ROWS / 2; }
  /** Whether every group has a shift of its own. */
  bool shifted() const { return layout.shiftKind == 1 || layout.shiftKind == 2; }
  /** Places of the stream that one row is multiplied in at once. */
  int64_t places() const { return m == 1 && rounding <= SPLIT_BYTES && layout.tiles() % PLACES == 0 ? PLACES : 1; }
  bool many() const { return rounding <= SPLIT_BYTES && m > rowsAtOnce(); }
};

/** Codes of a tile that are unpacked at a time: 8 KiB as bytes. */
constexpr int64_t UNPACKED_COLUMNS = 512;

INLINE int64_t groupsAtOnce(const PackedLayout &layout) {
  return most(1, UNPACKED_COLUMNS / most(1, roundUp(least(layout.group, layout.columns), layout.unit())));
}

PackedProduct packedProductOf(const Call &call, int parts, uint8_t *scratch, size_t *needed) {
  PackedProduct p{};
  p.layout = {call.size(1), call.size(2), call.size(3), call.size(4), call.size(5), call.size(6)};
  p.y = call.at<float>(0);
  p.x = call.at<const float>(1);
  p.stream = call.at<const uint8_t>(2);
  p.table = call.at<const float>(3);
  p.m = call.size(0);
  p.constant = p.layout.shiftKind == 3 ? call.real(7) : 0;
  p.accumulate = call.size(9) != 0;
  const bool words = p.table != nullptr || (p.layout.stored() == 8 && !WIDE_DOT);
  p.rounding = p.table != nullptr ? WORDS_FOR_TABLE : words ? WORDS : call.size(8) == 1 ? BYTES : SPLIT_BYTES;
  p.decoded = words && p.m > 4;
  if (p.decoded) {
    Product product{p.x, p.layout.columns, false, p.y, p.layout.rows, p.m, p.layout.rows, p.layout.columns, p.accumulate, false};
    *needed = product.scratch();
    return p;
  }
  Activations &a = p.activations;
  a = {p.rounding, p.layout.groups(), roundUp(p.layout.paddedColumns(), 64), nullptr, nullptr, nullptr};
  size_t at = 0;
  auto take = [&](int64_t bytes) {
    uint8_t *from = scratch + at;
    at += size_t(roundUp(bytes, 64));
    return from;
  };
  // Whole vectors are read past the last row.
  a.values = reinterpret_cast<int8_t *>(take(p.m * a.rowBytes() + 64));
  a.unit = reinterpret_cast<float *>(take(p.m * a.groups * 4));
  a.ones = reinterpret_cast<float *>(take(p.m * a.groups * 4));
  if (p.many()) {
    const int64_t groups = groupsAtOnce(p.layout);
    const int64_t columns = groups * roundUp(least(p.layout.group, p.layout.columns), p.layout.unit());
    p.roomBytes = roundUp(columns * TILE_ROWS + groups * 2 * TILE_ROWS * 4 + p.m * TILE_ROWS * 4, 256);
    p.room = take(p.roomBytes * parts);
  }
  *needed = at;
  return p;
}

/** y (rows, 16) from `row` on = or += the sums of a tile. */
INLINE void writeTile(const PackedProduct &p, int64_t row, int64_t tile, const vf sum[NT]) {
  const int64_t start = tile * TILE_ROWS, count = least(TILE_ROWS, p.layout.rows - start);
  float *y = p.y + row * p.layout.rows + start;
  UNROLL for (int t = 0; t < NT; t++) {
    const int width = int(least(W, count - t * W));
    if (width >= W) storef(y + t * W, p.accumulate ? loadf(y + t * W) + sum[t] : sum[t]);
    else if (width > 0) storePart(y + t * W, p.accumulate ? loadPart(y + t * W, width) + sum[t] : sum[t], width);
  }
}

/**
 * Calls f(at, columns, g) for the groups of a tile: with columns that the compiler knows to be 32 where all
 * but a last short one are, fetching the stream ahead. `apart` is how far other tiles lie that are read in turns.
 */
template <int STORED, int TILES, class F> INLINE void eachGroup(const PackedLayout &layout, const uint8_t *at, int64_t apart, F f) {
  constexpr int64_t bytes32 = 8 / stepsOf<STORED>() * bytesOfUnit<STORED>();
  const int64_t head = layout.headBytes(), groups = layout.groups(), last = layout.padded(groups - 1);
  const int64_t wide = groups > 1 ? layout.padded(0) : last;
  int64_t g = 0;
  if (wide == 32) {
    const int64_t full = last == 32 ? groups : groups - 1, step = head + bytes32;
    for (; g < full; g++, at += step) {
      for (int i = 0; i < TILES; i++) UNROLL for (int64_t line = 0; line < bytes32 + 32; line += 64) prefetch(at + i * apart + AHEAD + line);
      f(at, std::integral_constant<int64_t, 32>(), g);
    }
  }
  for (; g < groups; g++) {
    const int64_t columns = g < groups - 1 ? wide : last, step = head + columns / (4 * stepsOf<STORED>()) * bytesOfUnit<STORED>();
    for (int i = 0; i < TILES; i++)
      for (int64_t line = 0; line < step; line += 64) prefetch(at + i * apart + AHEAD + line);
    f(at, columns, g);
    at += step;
  }
}

template <class T> constexpr bool isConstant() { return !std::is_same<T, int64_t>::value; }

/**
 * TILES tiles, `apart` from each other, with R rows of bytes: every code is read from the stream, once. Several
 * tiles take turns group by group because memory is read faster in several places at once.
 */
template <int STORED, int R, bool SPLIT, bool SHIFTED, int TILES> NOINLINE void multiplyTileBytes(const PackedProduct &p, int64_t tile, int64_t apart, int64_t row) {
  constexpr int results = SPLIT ? R / 2 : R;
  const PackedLayout layout = p.layout;
  const Activations a = p.activations;
  const int64_t head = layout.headBytes(), distance = apart * layout.tileBytes();
  const int8_t *x = a.values + row * a.rowBytes();
  const float *unit = a.unit + row * a.groups, *ones = a.ones + row * a.groups;
  vf sum[TILES][results][NT] = {};
  eachGroup<STORED, TILES>(layout, p.stream + tile * layout.tileBytes(), distance, [&](const uint8_t *at, auto columns, int64_t g) {
    UNROLL for (int j = 0; j < TILES; j++) {
      vf dots[results][NT];
      dotGroup<STORED, R, SPLIT, isConstant<decltype(columns)>()>(dots, at + j * distance + head, columns, x, a.padded);
      const Head h = headOf<SHIFTED>(at + j * distance, layout, 0);
      UNROLL for (int i = 0; i < results; i++) addGroup<SHIFTED>(sum[j][i], dots[i], h, layout.shiftKind, unit[i * a.groups + g], ones[i * a.groups + g]);
    }
    x += columns;
  });
  UNROLL for (int j = 0; j < TILES; j++) UNROLL for (int i = 0; i < results; i++) writeTile(p, row + i, tile + j * apart, sum[j][i]);
}

template <int STORED, bool TABLE, bool SHIFTED> NOINLINE void multiplyTileWords(const PackedProduct &p, int64_t tile, int64_t row, const Table16 &table) {
  const PackedLayout layout = p.layout;
  const Activations a = p.activations;
  const Table16 entries = table;
  const int64_t head = layout.headBytes();
  const int16_t *x = reinterpret_cast<const int16_t *>(a.values + row * a.rowBytes());
  const float *unit = a.unit + row * a.groups, *ones = a.ones + row * a.groups;
  vf sum[NT] = {};
  eachGroup<STORED, 1>(layout, p.stream + tile * layout.tileBytes(), 0, [&](const uint8_t *at, auto columns, int64_t g) {
    vf dots[NT];
    dotGroup16<STORED, TABLE>(dots, at + head, columns, x, entries);
    const Head h = headOf<SHIFTED>(at, layout, 0);
    addGroup<SHIFTED>(sum, dots, h, layout.shiftKind, unit[g], ones[g]);
    x += columns;
  });
  writeTile(p, row, tile, sum);
}

/** Some groups of a tile, unpacked into bytes and floats, with R rows; sums are added to `sums`. */
template <int R, bool SPLIT, bool SHIFTED>
NOINLINE void multiplyUnpacked(const PackedProduct &p, const uint8_t *codes, const float *heads, int64_t first, int64_t end, int64_t column, int64_t row, float *sums) {
  constexpr int results = SPLIT ? R / 2 : R;
  const Activations a = p.activations;
  const int64_t shiftKind = p.layout.shiftKind, wide = p.layout.padded(first), last = p.layout.padded(end - 1);
  const int8_t *x = a.values + row * a.rowBytes() + column;
  const float *unit = a.unit + row * a.groups, *ones = a.ones + row * a.groups;
  auto group = [&](auto columns, int64_t g) {
    vf dots[results][NT];
    dotGroup<0, R, SPLIT, isConstant<decltype(columns)>()>(dots, codes, columns, x, a.padded);
    Head h;
    UNROLL for (int t = 0; t < NT; t++) {
      h.scale[t] = loadf(heads + t * W);
      if (SHIFTED) h.shift[t] = loadf(heads + TILE_ROWS + t * W);
    }
    UNROLL for (int i = 0; i < results; i++) {
      vf sum[NT];
      UNROLL for (int t = 0; t < NT; t++) sum[t] = loadf(sums + i * TILE_ROWS + t * W);
      addGroup<SHIFTED>(sum, dots[i], h, shiftKind, unit[i * a.groups + g], ones[i * a.groups + g]);
      UNROLL for (int t = 0; t < NT; t++) storef(sums + i * TILE_ROWS + t * W, sum[t]);
    }
    codes += columns * 16;
    heads += 2 * TILE_ROWS;
    x += columns;
  };
  int64_t g = first;
  if (wide == 32)
    for (; g < (last == 32 ? end : end - 1); g++) group(std::integral_constant<int64_t, 32>(), g);
  for (; g < end; g++) group(g < end - 1 ? wide : last, g);
}

/** Runs f with the largest of MOST, MOST / 2, … rows of bytes that are left, for all of m. */
template <int MOST, bool SPLIT, class F> INLINE void eachRows(int64_t m, F f) {
  int64_t row = 0;
  auto stride = [&](auto rows) {
    constexpr int R = decltype(rows)::value;
    if constexpr (R <= MOST && (!SPLIT || R >= 2))
      for (; row + (SPLIT ? R / 2 : R) <= m; row += SPLIT ? R / 2 : R) f(rows, row);
  };
  stride(std::integral_constant<int, 8>());
  stride(std::integral_constant<int, 4>());
  stride(std::integral_constant<int, 2>());
  stride(std::integral_constant<int, 1>());
}

template <int STORED> void unpackUnits(uint8_t *out, const uint8_t *codes, int64_t columns) {
  constexpr int steps = stepsOf<STORED>();
  for (int64_t i = 0; i < columns / (4 * steps); i++)
    eachStep<STORED>(codes + i * bytesOfUnit<STORED>(), [&](int step, int t, vub v) { store(out + (i * steps + step) * 64 + t * 4 * W, v); });
}

template <int STORED, bool SPLIT> void multiplyTileMany(const PackedProduct &p, int64_t tile, uint8_t *room) {
  const PackedLayout layout = p.layout;
  const int64_t atOnce = groupsAtOnce(layout), widest = roundUp(least(layout.group, layout.columns), layout.unit());
  uint8_t *codes = room;
  float *heads = reinterpret_cast<float *>(codes + atOnce * widest * TILE_ROWS);
  float *sums = heads + atOnce * 2 * TILE_ROWS;
  memset(sums, 0, size_t(p.m * TILE_ROWS * 4));
  const uint8_t *from = p.stream + tile * layout.tileBytes();
  for (int64_t first = 0; first < p.activations.groups; first += atOnce) {
    const int64_t end = least(p.activations.groups, first + atOnce);
    for (int64_t g = first; g < end; g++) {
      const uint8_t *at = from + layout.groupStart(g);
      const Head h = headOf<true>(at, layout, 0);
      UNROLL for (int t = 0; t < NT; t++) {
        storef(heads + (g - first) * 2 * TILE_ROWS + t * W, h.scale[t]);
        storef(heads + (g - first) * 2 * TILE_ROWS + TILE_ROWS + t * W, h.shift[t]);
      }
      unpackUnits<STORED>(codes + (g - first) * widest * TILE_ROWS, at + layout.headBytes(), layout.padded(g));
    }
    eachRows<MOST_ROWS, SPLIT>(p.m, [&](auto rows, int64_t row) {
      auto run = p.shifted() ? multiplyUnpacked<decltype(rows)::value, SPLIT, true> : multiplyUnpacked<decltype(rows)::value, SPLIT, false>;
      run(p, codes, heads, first, end, first * widest, row, sums + row * TILE_ROWS);
    });
  }
  for (int64_t row = 0; row < p.m; row++) {
    vf sum[NT];
    UNROLL for (int t = 0; t < NT; t++) sum[t] = loadf(sums + row * TILE_ROWS + t * W);
    writeTile(p, row, tile, sum);
  }
}

template <int STORED, bool SPLIT> INLINE void multiplyBytes(const PackedProduct &p, int64_t tile, uint8_t *room) {
  if (p.many()) return multiplyTileMany<STORED, SPLIT>(p, tile, room);
  eachRows<STREAM_ROWS, SPLIT>(p.m, [&](auto rows, int64_t row) {
    if (p.shifted()) multiplyTileBytes<STORED, decltype(rows)::value, SPLIT, true, 1>(p, tile, 0, row);
    else multiplyTileBytes<STORED, decltype(rows)::value, SPLIT, false, 1>(p, tile, 0, row);
  });
}

template <int STORED> INLINE void multiplyStored(const PackedProduct &p, int64_t tile, uint8_t *room, const Table16 &table) {
  switch (p.rounding) {
    case BYTES:
      if constexpr (STORED != 8 || WIDE_DOT) multiplyBytes<STORED, false>(p, tile, room);
      return;
    case SPLIT_BYTES:
      if constexpr (STORED != 8 || WIDE_DOT) multiplyBytes<STORED, true>(p, tile, room);
      return;
    case WORDS:
      if constexpr (STORED == 8) {
        auto run = p.shifted() ? multiplyTileWords<STORED, false, true> : multiplyTileWords<STORED, false, false>;
        for (int64_t row = 0; row < p.m; row++) run(p, tile, row, table);
      }
      return;
    default:
      if constexpr (STORED != 8) {
        auto run = p.shifted() ? multiplyTileWords<STORED, true, true> : multiplyTileWords<STORED, true, false>;
        for (int64_t row = 0; row < p.m; row++) run(p, tile, row, table);
      }
  }
}

/** One row: tiles from all places of the stream in turns. */
template <int STORED> INLINE void multiplyPlaces(const PackedProduct &p, int64_t tile) {
  if constexpr (STORED != 8 || WIDE_DOT) {
    const int64_t apart = p.layout.tiles() / PLACES;
    if (p.rounding == BYTES) {
      if (p.shifted()) multiplyTileBytes<STORED, 1, false, true, PLACES>(p, tile, apart, 0);
      else multiplyTileBytes<STORED, 1, false, false, PLACES>(p, tile, apart, 0);
    } else {
      if (p.shifted()) multiplyTileBytes<STORED, 2, true, true, PLACES>(p, tile, apart, 0);
      else multiplyTileBytes<STORED, 2, true, false, PLACES>(p, tile, apart, 0);
    }
  }
}

/** A packed weight as the right operand of a float32 product. */
struct PackedColumns {
  PackedLayout layout;
  const uint8_t *stream;
  const float *table;
  float constant;

  template <int STORED> void packTile(float *out, int lanes, int64_t tile, int skip, int64_t p, int64_t k) const {
    constexpr int steps = stepsOf<STORED>();
    const int width = lanes < TILE_ROWS ? lanes : int(TILE_ROWS);
    int64_t g = p / layout.group;
    for (int64_t column = p; column < p + k; g++) {
      const int64_t offset = column - g * layout.group, end = least(layout.length(g), offset + (p + k - column));
      const uint8_t *at = stream + tile * layout.tileBytes() + layout.groupStart(g);
      float scale[TILE_ROWS], shift[TILE_ROWS];
      const Head h = headOf<true>(at, layout, constant);
      for (int t = 0; t < NT; t++) {
        storef(scale + t * W, h.scale[t]);
        storef(shift + t * W, h.shift[t]);
      }
      for (int64_t unit = offset / (4 * steps); unit * 4 * steps < end; unit++) {
        uint8_t bytes[steps * 64];
        eachStep<STORED>(at + layout.headBytes() + unit * bytesOfUnit<STORED>(), [&](int step, int t, vub v) { store(bytes + step * 64 + t * 4 * W, v); });
        for (int64_t o = most(offset, unit * 4 * steps); o < least(end, (unit + 1) * 4 * steps); o++) {
          const int64_t in = o - unit * 4 * steps;
          const uint8_t *codes = bytes + in / 4 * 64 + in % 4 + 4 * skip;
          float *to = out + (column + (o - offset) - p) * NR;
          for (int r = 0; r < width; r++) {
            const int code = codes[4 * r];
            float v = table != nullptr ? table[code] : float(code);
            if (layout.shiftKind & 1) v -= shift[skip + r];
            v *= scale[skip + r];
            to[r] = layout.shiftKind == 2 ? v + shift[skip + r] : v;
          }
        }
      }
      column += end - offset;
    }
  }

  void pack(float *out, int64_t column, int64_t, int64_t p, int64_t k) const {
    // A panel may be half a tile, one, or two; rows past the last are zeros in the stream, or not there.
    for (int lane = 0; lane < NR; lane += int(TILE_ROWS)) {
      const int64_t tile = (column + lane) / TILE_ROWS;
      const int skip = int(column % TILE_ROWS), lanes = least(TILE_ROWS - skip, NR - lane);
      if (tile >= layout.tiles()) {
        for (int64_t i = 0; i < k; i++) memset(out + i * NR + lane, 0, size_t(4 * lanes));
        continue;
      }
      switch (layout.stored()) {
        case 2: packTile<2>(out + lane, lanes, tile, skip, p, k); break;
        case 3: packTile<3>(out + lane, lanes, tile, skip, p, k); break;
        case 4: packTile<4>(out + lane, lanes, tile, skip, p, k); break;
        default: packTile<8>(out + lane, lanes, tile, skip, p, k);
      }
    }
  }
};

void linearPacked(const Call &call, Member &member) {
  size_t needed;
  PackedProduct p = packedProductOf(call, member.parts(), member.scratch, &needed);
  const PackedLayout &layout = p.layout;
  if (p.m == 0 || layout.rows == 0) return;
  if (p.decoded || layout.columns == 0) {
    Product product{p.x, layout.columns, false, p.y, layout.rows, p.m, layout.rows, layout.columns, p.accumulate, false};
    multiply(product, PackedColumns{layout, p.stream, p.table, p.constant}, member, member.scratch);
    return;
  }
  const Activations &a = p.activations;
  const int64_t atOnce = most(1, 4096 / layout.columns);
  member.share(ceilDivide(p.m, atOnce), [&](int64_t item) {
    for (int64_t row = item * atOnce; row < least(p.m, (item + 1) * atOnce); row++) {
      int64_t at = 0;
      for (int64_t g = 0; g < a.groups; g++) {
        const int64_t padded = layout.padded(g);
        roundGroup(a, a.values + row * a.rowBytes(), at, p.x + row * layout.columns + g * layout.group, layout.length(g), padded,
                   a.unit + row * a.groups + g, a.ones + row * a.groups + g);
        if (!p.shifted()) a.ones[row * a.groups + g] *= -p.constant;
        at += padded;
      }
    }
  });
  member.barrier();
  const Table16 table = p.table != nullptr ? tableOf(p.table, layout.bits) : Table16{};
  uint8_t *room = p.room + p.roomBytes * member.part;
  const int64_t places = p.places();
  if (places > 1) {
    member.share(layout.tiles() / places, [&](int64_t tile) {
      switch (layout.stored()) {
        case 2: multiplyPlaces<2>(p, tile); break;
        case 3: multiplyPlaces<3>(p, tile); break;
        case 4: multiplyPlaces<4>(p, tile); break;
        default: multiplyPlaces<8>(p, tile);
      }
    });
    return;
  }
  const int64_t tilesAtOnce = p.many() ? 1 : 4;
  member.share(ceilDivide(layout.tiles(), tilesAtOnce), [&](int64_t item) {
    for (int64_t tile = item * tilesAtOnce; tile < least(layout.tiles(), (item + 1) * tilesAtOnce); tile++) {
      switch (layout.stored()) {
        case 2: multiplyStored<2>(p, tile, room, table); break;
        case 3: multiplyStored<3>(p, tile, room, table); break;
        case 4: multiplyStored<4>(p, tile, room, table); break;
        default: multiplyStored<8>(p, tile, room, table);
      }
    }
  });
}

size_t linearPackedScratch(const Call &call, int parts) {
  size_t needed = 0;
  packedProductOf(call, parts, nullptr, &needed);
  return needed + 256;
}

// ---- packing

/** Where the bits of a code are: `shift` bits up in byte `at`; the third bit of a 3-bit code apart. */
struct Place {
  int64_t at;
  int shift;
  int64_t thirdAt;
  int thirdShift;
};

INLINE Place placeOf(int64_t stored, int64_t r, int64_t o) {
  const int64_t byte = 4 * r + o % 4;
  switch (stored) {
    case 2: return {o / 16 * 64 + byte, int(o % 16 / 4) * 2, 0, 0};
    case 3: return {o / 32 * 192 + o % 32 / 16 * 64 + byte, int(o % 16 / 4) * 2, o / 32 * 192 + 128 + byte, int(o % 32 / 4)};
    case 4: return {o / 8 * 64 + byte, int(o % 8 / 4) * 4, 0, 0};
    default: return {o / 4 * 64 + byte, 0, 0, 0};
  }
}

template <int STORED> void packTile(uint8_t *out, const PackedLayout &layout, const uint8_t *row, int64_t r) {
  for (int64_t g = 0; g < layout.groups(); g++) {
    uint8_t *codes = out + layout.groupStart(g) + layout.headBytes();
    for (int64_t o = 0; o < layout.length(g); o++) {
      const Place place = placeOf(STORED, r, o);
      const uint8_t code = row[g * layout.group + o];
      codes[place.at] |= uint8_t((STORED == 3 ? code & 3 : code) << place.shift);
      if (STORED == 3) codes[place.thirdAt] |= uint8_t((code >> 2) << place.thirdShift);
    }
  }
}

template <int STORED> void unpackTile(uint8_t *row, const PackedLayout &layout, const uint8_t *tile, int64_t r) {
  constexpr uint8_t mask = STORED == 8 ? 255 : STORED == 4 ? 15 : 3;
  for (int64_t g = 0; g < layout.groups(); g++) {
    const uint8_t *codes = tile + layout.groupStart(g) + layout.headBytes();
    for (int64_t o = 0; o < layout.length(g); o++) {
      const Place place = placeOf(STORED, r, o);
      uint8_t code = uint8_t(codes[place.at] >> place.shift) & mask;
      if (STORED == 3) code |= uint8_t(((codes[place.thirdAt] >> place.thirdShift) & 1) << 2);
      row[g * layout.group + o] = code;
    }
  }
}

INLINE PackedLayout layoutOf(const Call &call) {
  return {call.size(0), call.size(1), call.size(2), call.size(3), call.size(4), call.size(5)};
}

void pack(const Call &call, Member &member) {
  const PackedLayout layout = layoutOf(call);
  uint8_t *row = member.scratch + member.part * roundUp(layout.columns, 64);
  const int64_t groups = layout.groups(), scaleBytes = layout.scaleBytes(), shiftBytes = layout.shiftBytes();
  member.share(layout.tiles(), [&](int64_t tile) {
    uint8_t *out = call.at<uint8_t>(0) + tile * layout.tileBytes();
    memset(out, 0, size_t(layout.tileBytes()));
    for (int64_t r = 0; r < least(TILE_ROWS, layout.rows - tile * TILE_ROWS); r++) {
      const int64_t from = tile * TILE_ROWS + r;
      unpackRow(row, call.at<const uint8_t>(1) + from * layout.rowBytes(), layout.columns, layout.bits);
      switch (layout.stored()) {
        case 2: packTile<2>(out, layout, row, r); break;
        case 3: packTile<3>(out, layout, row, r); break;
        case 4: packTile<4>(out, layout, row, r); break;
        default: packTile<8>(out, layout, row, r);
      }
      for (int64_t g = 0; g < groups; g++) {
        uint8_t *head = out + layout.groupStart(g);
        memcpy(head + r * scaleBytes, call.at<const uint8_t>(2) + (from * groups + g) * scaleBytes, size_t(scaleBytes));
        if (shiftBytes > 0)
          memcpy(head + 16 * scaleBytes + r * shiftBytes, call.at<const uint8_t>(3) + (from * groups + g) * shiftBytes, size_t(shiftBytes));
      }
    }
  });
}

void unpack(const Call &call, Member &member) {
  const PackedLayout layout = layoutOf(call);
  const int64_t start = call.size(6), count = call.size(7) - start;
  uint8_t *row = member.scratch + member.part * roundUp(layout.columns, 64);
  const int64_t groups = layout.groups(), scaleBytes = layout.scaleBytes(), shiftBytes = layout.shiftBytes();
  shareRows(member, count, layout.columns, [&](int64_t i) {
    const int64_t r = (start + i) % TILE_ROWS;
    const uint8_t *tile = call.at<const uint8_t>(3) + (start + i) / TILE_ROWS * layout.tileBytes();
    switch (layout.stored()) {
      case 2: unpackTile<2>(row, layout, tile, r); break;
      case 3: unpackTile<3>(row, layout, tile, r); break;
      case 4: unpackTile<4>(row, layout, tile, r); break;
      default: unpackTile<8>(row, layout, tile, r);
    }
    uint8_t *codes = call.at<uint8_t>(0) + i * layout.rowBytes();
    uint32_t buffer = 0;
    int64_t held = 0;
    for (int64_t o = 0; o < layout.columns; o++) {
      buffer |= uint32_t(row[o]) << held;
      for (held += layout.bits; held >= 8; held -= 8, buffer >>= 8) *codes++ = uint8_t(buffer);
    }
    if (held > 0) *codes = uint8_t(buffer);
    for (int64_t g = 0; g < groups; g++) {
      const uint8_t *head = tile + layout.groupStart(g);
      memcpy(call.at<uint8_t>(1) + (i * groups + g) * scaleBytes, head + r * scaleBytes, size_t(scaleBytes));
      if (shiftBytes > 0)
        memcpy(call.at<uint8_t>(2) + (i * groups + g) * shiftBytes, head + 16 * scaleBytes + r * shiftBytes, size_t(shiftBytes));
    }
  });
}

size_t packScratch(const Call &call, int parts) { return size_t(roundUp(call.size(1), 64)) * size_t(parts) + 64; }

}  // namespace
