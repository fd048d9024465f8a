// Dot products of codes with activations that have been rounded to integers. Activations lie as `Panel` says.
#pragma once
#include "packed/activations.h"

namespace {

// ---- codes of the stream with bytes

/** sum += codes of some steps · R rows of bytes, in exact integers; at most 8 steps. */
template <int STORED, int R> INLINE void dotUnits(DotSum sum[R][NT], const uint8_t *codes, const int8_t *x, int units) {
  auto unit = [&](int u) INLINED {
    eachStep<STORED>(codes + u * bytesOfUnit<STORED>(), [&](int step, int t, vub v) INLINED {
      const int8_t *at = x + 4 * R * (u * stepsOf<STORED>() + step);
      UNROLL for (int r = 0; r < R; r++) {
        sum[r][t] = dot(sum[r][t], v, splat4(at + 4 * r));
        KEEP(sum[r][t]);
      }
    });
  };
  UNROLL for (int u = 0; u < units; u++) unit(u);
}

/** Columns whose products an i32 holds: 255 · 32512 · 256, or 15 · 32512 · 512. */
constexpr int64_t SEGMENT = 256;
/** The same where both are 15-bit integers. */
constexpr int64_t TABLE_SEGMENT = 8;

/** What the sums of a row's pieces amount to, from the high one to the low. */
template <bool SPLIT> INLINE vf joined(const vi *sum, int64_t apart) {
  if constexpr (!SPLIT) return tofloat(sum[0]);
  return fma(tofloat(sum[0]), splat(65536), tofloat((sum[apart] << 8) + sum[2 * apart]));
}

/** The dot products of one group's codes with a panel of bytes, or of three bytes each. */
template <int STORED, int ROWS, bool SPLIT, bool OF32>
INLINE void dotBytes(vf out[ROWS][NT], const uint8_t *codes, int64_t columns, const int8_t *x) {
  constexpr int units = 8 / stepsOf<STORED>(), bytes = units * bytesOfUnit<STORED>();
  constexpr int lanes = SPLIT ? PIECES : 1, R = lanes * ROWS;
  auto combined = [&](vi sum[R][NT], int i, int t) INLINED { return joined<SPLIT>(&sum[lanes * i][t], NT); };
  if (OF32) {
    DotSum part[R][NT] = {};
    dotUnits<STORED, R>(part, codes, x, units);
    vi sum[R][NT];
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] = widen(part[r][t]);
    UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] = combined(sum, i, t);
    return;
  }
  UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] = vf{};
  for (int64_t start = 0; start < columns; start += SEGMENT) {
    vi sum[R][NT] = {};
    int64_t left = least(SEGMENT, columns - start) / 4;
    for (; left >= 8; left -= 8, codes += bytes, x += 32 * R) {
      DotSum part[R][NT] = {};
      dotUnits<STORED, R>(part, codes, x, units);
      UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] += widen(part[r][t]);
    }
    for (; left > 0; left -= stepsOf<STORED>(), codes += bytesOfUnit<STORED>(), x += 4 * R * stepsOf<STORED>()) {
      DotSum part[R][NT] = {};
      dotUnits<STORED, R>(part, codes, x, 1);
      UNROLL for (int r = 0; r < R; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] += widen(part[r][t]);
    }
    UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int t = 0; t < NT; t++) out[i][t] += combined(sum, i, t);
  }
}

// ---- unpacked codes, as bytes or words

/** sum = or += one step's codes · LANES lanes of 4 bytes each. */
template <bool FIRST, int LANES> INLINE void addStep(DotSum sum[LANES][NT], const vub code[NT], const int8_t *x) {
  UNROLL for (int l = 0; l < LANES; l++) {
    const vub four = splat4(x + 4 * l);
    UNROLL for (int t = 0; t < NT; t++) {
      sum[l][t] = dot(FIRST ? DotSum{} : sum[l][t], code[t], four);
      KEEP(sum[l][t]);
    }
  }
}
/** The same of two words each. */
template <bool FIRST, int LANES> INLINE void addStepOfWords(vi sum[LANES][NT], const vub code[NT], const int8_t *x) {
  UNROLL for (int l = 0; l < LANES; l++) {
    const vs two = bitcast<vs>(splat4(x + 4 * l));
    UNROLL for (int t = 0; t < NT; t++) {
      const vi products = madd(bitcast<vs>(code[t]), two);
      sum[l][t] = FIRST ? products : sum[l][t] + products;
      KEEP(sum[l][t]);
    }
  }
}

/** The dot products of one group's unpacked codes with a panel. */
template <Rounding ROUNDING, int ROWS, bool OF32> INLINE void dotUnpacked(vf out[ROWS][NT], const uint8_t *codes, int64_t columns, const int8_t *x) {
  constexpr bool table = ROUNDING == WORDS_FOR_TABLE, words = table, split = ROUNDING == SPLIT_BYTES;
  // Of bytes, so many steps fit their sums.
  constexpr int pieces = split ? PIECES : 1, lanes = pieces * ROWS, columnsOfStep = words ? 2 : 4;
  constexpr int64_t stepsAtOnce = words ? SEGMENT / columnsOfStep : 8;
  auto add = [&](vi sum[lanes][NT], auto steps) INLINED {
    typename std::conditional<words, vi, DotSum>::type part[lanes][NT];
    auto step = [&](auto first) INLINED {
      vub code[NT];
      UNROLL for (int t = 0; t < NT; t++) code[t] = load<vub>(codes + t * 4 * W);
      if constexpr (words) addStepOfWords<first.value, lanes>(part, code, x);
      else addStep<first.value, lanes>(part, code, x);
      codes += 64;
      x += 4 * lanes;
    };
    step(std::true_type());
    // A loop keeps all sums in registers where straight code does not.
    for (int i = 1; i < steps; i++) step(std::false_type());
    UNROLL for (int l = 0; l < lanes; l++) UNROLL for (int t = 0; t < NT; t++) {
      if constexpr (words) sum[l][t] += part[l][t];
      else sum[l][t] += widen(part[l][t]);
    }
  };
  auto combined = [](vi sum[lanes][NT], int r, int t) INLINED { return joined<split>(&sum[pieces * r][t], NT); };
  if constexpr (OF32 && !table) {
    vi sum[lanes][NT] = {};
    add(sum, std::integral_constant<int, 32 / columnsOfStep>());
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) out[r][t] = combined(sum, r, t);
    return;
  }
  UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) out[r][t] = vf{};
  constexpr int64_t segment = table ? TABLE_SEGMENT : SEGMENT;
  for (int64_t start = 0; start < columns; start += segment) {
    vi sum[lanes][NT] = {};
    if constexpr (table) add(sum, std::integral_constant<int, segment / columnsOfStep>());
    else for (int64_t left = least(segment, columns - start) / columnsOfStep; left > 0; left -= stepsAtOnce) add(sum, least(stepsAtOnce, left));
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) out[r][t] += combined(sum, r, t);
  }
}

// ---- codes of the stream with words

/** What levels are counted in: exactly where all are multiples of the least, as those of MXFP4 are. */
INLINE double levelUnit(const float *table, int count, float max) {
  float least = max;
  for (int i = 0; i < count; i++)
    if (table[i] != 0 && __builtin_fabsf(table[i]) < least) least = __builtin_fabsf(table[i]);
  bool multiples = double(max) / least <= Q15;
  for (int i = 0; i < count; i++) multiples &= __builtin_rint(double(table[i]) / least) * least == table[i];
  return multiples ? least / __builtin_floor(Q15 / (double(max) / least)) : double(max) / Q15;
}

INLINE Table16 tableOf(const float *table, int64_t bits) {
  const int count = 1 << bits;
  float max = 0;
  for (int i = 0; i < count; i++) max = __builtin_fabsf(table[i]) > max ? __builtin_fabsf(table[i]) : max;
  bool finite = true;
  for (int i = 0; i < count; i++) finite &= table[i] - table[i] == 0;
  uint8_t low[16] = {}, high[16] = {};
  const double unit = finite && max > 0 ? levelUnit(table, count, max) : 1;
  for (int i = 0; i < count && finite; i++) {
    const int32_t q = int32_t(__builtin_rint(table[i] / unit));
    low[i] = uint8_t(q);
    high[i] = uint8_t(q >> 8);
  }
  return {repeat16(low), repeat16(high), finite ? float(unit) : __builtin_nanf("")};
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
template <bool TABLE> INLINE void dotEight(vi low[NT], vi high[NT], int t, vub v, const Table16 &table, vs x) {
  vub first = TABLE ? lookup16(table.low, v) : v, second = TABLE ? lookup16(table.high, v) : vub{};
  low[t] += madd(bitcast<vs>(weaveLow(first, second)), x);
  high[t] += madd(bitcast<vs>(weaveHigh(first, second)), x);
}

/** The dot products of one group with one row of words: codes of 8 bits, or entries of a table. */
template <int STORED, bool TABLE>
INLINE void dotWide(vf out[NT], const uint8_t *codes, int64_t columns, const int16_t *x, const Table16 &table) {
  constexpr int steps = stepsOf<STORED>();
  // With a table, four products of each lane; else as many as one segment has.
  constexpr int64_t segment = TABLE ? 4 * (steps > 4 ? steps : 4) : SEGMENT;
  vf low[NT] = {}, high[NT] = {};
  UNROLL for (int t = 0; t < NT; t++) out[t] = vf{};
  for (int64_t start = 0; start < columns; start += segment) {
    int64_t left = least(segment, columns - start) / 4;
    vi a[NT] = {}, b[NT] = {};
    for (; left > 0; left -= steps, codes += bytesOfUnit<STORED>(), x += 4 * steps) {
      eachStep<STORED>(codes, [&](int step, int t, vub v) INLINED {
        if (TABLE && step == 4) {
          // Eight steps share their bytes, twice what a lane holds.
          low[t] += tofloat(a[t]);
          high[t] += tofloat(b[t]);
          a[t] = b[t] = vi{};
        }
        dotEight<TABLE>(a, b, t, v, table, splat8(x + 4 * step));
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
  if (TABLE) UNROLL for (int t = 0; t < NT; t++) out[t] = addPairsFloat(low[t], high[t]);
}

}  // namespace
