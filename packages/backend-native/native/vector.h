// The one place where instruction sets differ: vectors of W floats, and the few operations that plain
// vector arithmetic of the compiler does not name. Every kernel is written over these, so that a
// set that cannot run on the machine at hand shares all logic with one that can.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#if defined(TERSOR_AVX512) || defined(TERSOR_AVX2) || defined(TERSOR_BASELINE)
#include <immintrin.h>
#define TERSOR_X86 1
#elif defined(TERSOR_NEON)
#include <arm_neon.h>
#else
#error "define one of TERSOR_AVX512, TERSOR_AVX2, TERSOR_BASELINE and TERSOR_NEON"
#endif

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define UNROLL _Pragma("GCC unroll 16")
/** After the parameters of a lambda in an inner loop: left out of line, all that it captures would go through memory. */
#define INLINED __attribute__((always_inline))

/**
 * Keeps a sum in its register here, so that the compiler neither regroups what is added to it nor runs out of
 * registers over many partial sums.
 */
#if defined(TERSOR_AVX512)
#define KEEP(v) asm("" : "+v"(v))
#elif defined(TERSOR_X86)
#define KEEP(v) asm("" : "+x"(v))
#else
#define KEEP(v) asm("" : "+w"(v))
#endif

namespace {

#if defined(TERSOR_AVX512)
constexpr int W = 16;
#elif defined(TERSOR_AVX2)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef uint32_t vu __attribute__((vector_size(4 * W)));
typedef int16_t vs __attribute__((vector_size(4 * W)));
typedef uint16_t vus __attribute__((vector_size(4 * W)));
typedef int8_t vb __attribute__((vector_size(4 * W)));
typedef uint8_t vub __attribute__((vector_size(4 * W)));
typedef double vd __attribute__((vector_size(8 * W)));
typedef uint16_t vh __attribute__((vector_size(2 * W)));
typedef uint8_t vq __attribute__((vector_size(W)));
typedef uint8_t vuw __attribute__((vector_size(2 * W)));

/** Any of the above from an address of any alignment. */
template <class V> INLINE V load(const void *p) {
  V v;
  memcpy(&v, p, sizeof(V));
  return v;
}
template <class V> INLINE void store(void *p, V v) { memcpy(p, &v, sizeof(V)); }
template <class To, class From> INLINE To bitcast(From v) {
  static_assert(sizeof(To) == sizeof(From), "a bitcast keeps the size");
  To to;
  memcpy(&to, &v, sizeof(To));
  return to;
}

INLINE vf loadf(const float *p) { return load<vf>(p); }
INLINE void storef(float *p, vf v) { store(p, v); }
INLINE vf splat(float x) { return x - vf{}; }
INLINE vi splati(int32_t x) { return x - vi{}; }
/** The same four bytes everywhere. */
INLINE vub splat4(const void *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return bitcast<vub>(splati(word));
}
INLINE vf max2(vf a, vf b) { return a > b ? a : b; }
INLINE vf min2(vf a, vf b) { return a < b ? a : b; }
INLINE vf absv(vf a) { return bitcast<vf>(bitcast<vi>(a) & 0x7fffffff); }
INLINE vf tofloat(vi a) { return __builtin_convertvector(a, vf); }

/** The first `count` elements, and `rest` for the others. */
INLINE vf loadPart(const float *p, int count, float rest = 0) {
  float held[W];
  for (int i = 0; i < W; i++) held[i] = i < count ? p[i] : rest;
  return loadf(held);
}
INLINE void storePart(float *p, vf v, int count) {
  float held[W];
  storef(held, v);
  for (int i = 0; i < count; i++) p[i] = held[i];
}

// ---- fused multiply-add: a·b + c in one rounding where the set has it

INLINE vf fma(vf a, vf b, vf c) {
#if defined(TERSOR_AVX512)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(TERSOR_AVX2)
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(TERSOR_NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

INLINE vf sqrtv(vf a) {
#if defined(TERSOR_AVX512)
  return (vf)_mm512_sqrt_ps((__m512)a);
#elif defined(TERSOR_AVX2)
  return (vf)_mm256_sqrt_ps((__m256)a);
#elif defined(TERSOR_NEON)
  return (vf)vsqrtq_f32((float32x4_t)a);
#else
  return (vf)_mm_sqrt_ps((__m128)a);
#endif
}

/** To the nearest integer, ties to even; |a| below 2^31. */
INLINE vi nearest(vf a) {
#if defined(TERSOR_AVX512)
  return (vi)_mm512_cvtps_epi32((__m512)a);
#elif defined(TERSOR_AVX2)
  return (vi)_mm256_cvtps_epi32((__m256)a);
#elif defined(TERSOR_NEON)
  return (vi)vcvtnq_s32_f32((float32x4_t)a);
#else
  return (vi)_mm_cvtps_epi32((__m128)a);
#endif
}

// ---- folds over lanes

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

INLINE f4 add4(vf a) {
  f4 part[W / 4];
  memcpy(part, &a, sizeof a);
  if constexpr (W == 16) return (part[0] + part[1]) + (part[2] + part[3]);
  else if constexpr (W == 8) return part[0] + part[1];
  else return part[0];
}
INLINE float sumOf(vf a) {
  f4 s = add4(a);
  f4 t = s + __builtin_shufflevector(s, s, 2, 3, 0, 1);
  return t[0] + t[1];
}
/** The sums of four vectors. */
INLINE f4 sumOf4(vf a, vf b, vf c, vf d) {
  f4 s0 = add4(a), s1 = add4(b), s2 = add4(c), s3 = add4(d);
  f4 t0 = __builtin_shufflevector(s0, s1, 0, 1, 4, 5) + __builtin_shufflevector(s0, s1, 2, 3, 6, 7);
  f4 t1 = __builtin_shufflevector(s2, s3, 0, 1, 4, 5) + __builtin_shufflevector(s2, s3, 2, 3, 6, 7);
  return __builtin_shufflevector(t0, t1, 0, 2, 4, 6) + __builtin_shufflevector(t0, t1, 1, 3, 5, 7);
}
/** The largest; NaN only where all are. */
INLINE float maxOf(vf a) {
  float held[W], best = a[0];
  storef(held, a);
  for (int i = 1; i < W; i++) best = held[i] > best || best != best ? held[i] : best;
  return best;
}
INLINE bool any(vi mask) {
#if defined(TERSOR_AVX512)
  return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(TERSOR_AVX2)
  return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(TERSOR_NEON)
  return vmaxvq_u32((uint32x4_t)mask) != 0;
#else
  return _mm_movemask_ps((__m128)mask) != 0;
#endif
}

// ---- 16-bit floats

/** Halves widened, exactly; a NaN stays one. */
INLINE vf fromHalf(vh halves) {
#if defined(TERSOR_AVX512)
  return (vf)_mm512_cvtph_ps((__m256i)halves);
#elif defined(TERSOR_AVX2)
  return (vf)_mm256_cvtph_ps((__m128i)halves);
#elif defined(TERSOR_NEON)
  return (vf)vcvt_f32_f16((float16x4_t)halves);
#else
  // The exponent is moved by a multiplication, which normalises subnormals too.
  vu bits = __builtin_convertvector(halves, vu);
  vu magnitude = (bits & 0x7fff) << 13;
  vf scaled = bitcast<vf>(magnitude) * 0x1p112f;
  vu value = bitcast<vi>(magnitude) >= 0x0f800000 ? (magnitude | 0x7f800000u) : bitcast<vu>(scaled);
  return bitcast<vf>(value | ((bits & 0x8000) << 16));
#endif
}

INLINE vf fromHalf(const uint16_t *p) { return fromHalf(load<vh>(p)); }

/** To the nearest half, ties to even; a NaN stays one. */
INLINE vh toHalf(vf x) {
#if defined(TERSOR_AVX512)
  return bitcast<vh>(_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(TERSOR_AVX2)
  return bitcast<vh>(_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(TERSOR_NEON)
  return bitcast<vh>(vcvt_f16_f32((float32x4_t)x));
#else
  vu bits = bitcast<vu>(x);
  vu sign = bits & 0x80000000u, magnitude = bits ^ sign;
  // Below 2^-14 the sum with one half puts the rounding where subnormal halves round.
  vu small = bitcast<vu>(bitcast<vf>(magnitude) + 0.5f) - 0x3f000000u;
  vu normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  vi size = bitcast<vi>(magnitude);
  vu half = size < 0x38800000 ? small : size < 0x477ff000 ? normal : size <= 0x7f800000 ? (vu{} + 0x7c00u) : (vu{} + 0x7e00u);
  return __builtin_convertvector(half | (sign >> 16), vh);
#endif
}

// ---- small integers

/** The i32 sums of pairs of i16 products. */
INLINE vi madd(vs a, vs b) {
#if defined(TERSOR_AVX512)
  return (vi)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(TERSOR_AVX2)
  return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(TERSOR_NEON)
  int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
  int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y)), high = vmull_high_s16(x, y);
  return (vi)vpaddq_s32(low, high);
#else
  return (vi)_mm_madd_epi16((__m128i)a, (__m128i)b);
#endif
}

/**
 * Sums of u8 · s8 products by fours, where codes are below 16. Up to 8 additions fit the
 * accumulator, which `widen` turns into i32 lanes.
 */
#if defined(TERSOR_AVX512) || (defined(TERSOR_NEON) && defined(__ARM_FEATURE_DOTPROD))
typedef vi DotSum;
INLINE DotSum dot(DotSum sum, vub codes, vub x) {
#if defined(TERSOR_AVX512)
  return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)codes, (__m512i)x);
#else
  return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)codes, (int8x16_t)x);
#endif
}
INLINE vi widen(DotSum sum) { return sum; }
#elif defined(TERSOR_NEON)
typedef vi DotSum;
INLINE DotSum dot(DotSum sum, vub codes, vub x) {
  int16x8_t low = vmull_s8(vget_low_s8((int8x16_t)codes), vget_low_s8((int8x16_t)x));
  int16x8_t high = vmull_high_s8((int8x16_t)codes, (int8x16_t)x);
  return sum + (vi)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}
INLINE vi widen(DotSum sum) { return sum; }
#else
typedef vs DotSum;
INLINE DotSum dot(DotSum sum, vub codes, vub x) {
#if defined(TERSOR_AVX2)
  return sum + (vs)_mm256_maddubs_epi16((__m256i)codes, (__m256i)x);
#else
  return sum + (vs)_mm_maddubs_epi16((__m128i)codes, (__m128i)x);
#endif
}
INLINE vi widen(DotSum sum) { return madd(sum, vs{} + (int16_t)1); }
#endif

/** Byte i of the result is entry codes[i] (below 16) of a table of 16 bytes. */
INLINE vub lookup16(vub table, vub codes) {
#if defined(TERSOR_AVX512)
  return (vub)_mm512_shuffle_epi8((__m512i)table, (__m512i)codes);
#elif defined(TERSOR_AVX2)
  return (vub)_mm256_shuffle_epi8((__m256i)table, (__m256i)codes);
#elif defined(TERSOR_NEON)
  return (vub)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)codes);
#else
  return (vub)_mm_shuffle_epi8((__m128i)table, (__m128i)codes);
#endif
}
/** The same sixteen bytes everywhere. */
INLINE vub repeat16(const void *p) {
  vub v;
  for (int i = 0; i < W / 4; i++) memcpy((uint8_t *)&v + 16 * i, p, 16);
  return v;
}

/** Bytes of a and b in turn, from the lower or the upper half of each 16 bytes. */
INLINE vub weaveLow(vub a, vub b) {
#if defined(TERSOR_AVX512)
  return (vub)_mm512_unpacklo_epi8((__m512i)a, (__m512i)b);
#elif defined(TERSOR_AVX2)
  return (vub)_mm256_unpacklo_epi8((__m256i)a, (__m256i)b);
#elif defined(TERSOR_NEON)
  return (vub)vzip1q_u8((uint8x16_t)a, (uint8x16_t)b);
#else
  return (vub)_mm_unpacklo_epi8((__m128i)a, (__m128i)b);
#endif
}
INLINE vub weaveHigh(vub a, vub b) {
#if defined(TERSOR_AVX512)
  return (vub)_mm512_unpackhi_epi8((__m512i)a, (__m512i)b);
#elif defined(TERSOR_AVX2)
  return (vub)_mm256_unpackhi_epi8((__m256i)a, (__m256i)b);
#elif defined(TERSOR_NEON)
  return (vub)vzip2q_u8((uint8x16_t)a, (uint8x16_t)b);
#else
  return (vub)_mm_unpackhi_epi8((__m128i)a, (__m128i)b);
#endif
}

/** 16-bit words of a and b in turn, likewise. */
INLINE vus weaveWordsLow(vus a, vus b) {
#if defined(TERSOR_AVX512)
  return (vus)_mm512_unpacklo_epi16((__m512i)a, (__m512i)b);
#elif defined(TERSOR_AVX2)
  return (vus)_mm256_unpacklo_epi16((__m256i)a, (__m256i)b);
#elif defined(TERSOR_NEON)
  return (vus)vzip1q_u16((uint16x8_t)a, (uint16x8_t)b);
#else
  return (vus)_mm_unpacklo_epi16((__m128i)a, (__m128i)b);
#endif
}
INLINE vus weaveWordsHigh(vus a, vus b) {
#if defined(TERSOR_AVX512)
  return (vus)_mm512_unpackhi_epi16((__m512i)a, (__m512i)b);
#elif defined(TERSOR_AVX2)
  return (vus)_mm256_unpackhi_epi16((__m256i)a, (__m256i)b);
#elif defined(TERSOR_NEON)
  return (vus)vzip2q_u16((uint16x8_t)a, (uint16x8_t)b);
#else
  return (vus)_mm_unpackhi_epi16((__m128i)a, (__m128i)b);
#endif
}

/** Sums of neighbours, per 16 bytes: a0+a1, a2+a3, b0+b1, b2+b3. */
INLINE vi addPairs(vi a, vi b) {
#if defined(TERSOR_NEON)
  return (vi)vpaddq_s32((int32x4_t)a, (int32x4_t)b);
#elif defined(TERSOR_AVX512)
  __m512 x = (__m512)a, y = (__m512)b;
  return (vi)_mm512_shuffle_ps(x, y, 0x88) + (vi)_mm512_shuffle_ps(x, y, 0xdd);
#elif defined(TERSOR_AVX2)
  return (vi)_mm256_hadd_epi32((__m256i)a, (__m256i)b);
#else
  return (vi)_mm_hadd_epi32((__m128i)a, (__m128i)b);
#endif
}

// ---- selection

/** W numbers of which two each are from four neighbours of x (2·W): bits 2·l say which lane l takes. */
INLINE vf twoOfFour(const float *x, uint32_t bits) {
#if defined(TERSOR_AVX512)
  const vi shift = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
  const vi group = {0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28};
  vi index = ((vi)((vu{} + bits) >> (vu)shift) & 3) | group;
  return (vf)_mm512_permutex2var_ps((__m512)loadf(x), (__m512i)index, (__m512)loadf(x + W));
#elif defined(TERSOR_AVX2)
  const vi shift = {0, 2, 4, 6, 8, 10, 12, 14}, group = {0, 0, 4, 4, 0, 0, 4, 4};
  vi index = ((vi)((vu{} + bits) >> (vu)shift) & 3) | group;
  __m256 low = _mm256_permutevar8x32_ps((__m256)loadf(x), (__m256i)index);
  __m256 high = _mm256_permutevar8x32_ps((__m256)loadf(x + W), (__m256i)index);
  return (vf)_mm256_blend_ps(low, high, 0xf0);
#else
  return vf{x[bits & 3], x[(bits >> 2) & 3], x[4 + ((bits >> 4) & 3)], x[4 + ((bits >> 6) & 3)]};
#endif
}

/** W codes of 4 bits, low nibble first, as integers. */
INLINE vi nibbles(const uint8_t *p) {
#if defined(TERSOR_AVX512)
  int32_t words[2];
  memcpy(words, p, 8);
  const vi shift = {0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28};
  vu both = (vu)_mm512_mask_set1_epi32(_mm512_set1_epi32(words[0]), 0xff00, words[1]);
  return (vi)(both >> (vu)shift) & 15;
#elif defined(TERSOR_AVX2)
  int32_t word;
  memcpy(&word, p, 4);
  const vi shift = {0, 4, 8, 12, 16, 20, 24, 28};
  return (vi)((vu)splati(word) >> (vu)shift) & 15;
#else
  return vi{p[0] & 15, p[0] >> 4, p[1] & 15, p[1] >> 4};
#endif
}

#if defined(TERSOR_AVX512) || defined(TERSOR_AVX2)
#define TERSOR_GATHER 1

/** table[index] in every lane. */
INLINE vu gather(const uint32_t *table, vu index) {
#if defined(TERSOR_AVX512)
  return (vu)_mm512_i32gather_epi32((__m512i)index, table, 4);
#else
  // Eight loads of their own leave more room to other instructions than the one that does all of it.
  const __m128i low = _mm256_castsi256_si128((__m256i)index), high = _mm256_extracti128_si256((__m256i)index, 1);
  uint64_t a = uint64_t(_mm_cvtsi128_si64(low)), b = uint64_t(_mm_extract_epi64(low, 1));
  uint64_t c = uint64_t(_mm_cvtsi128_si64(high)), d = uint64_t(_mm_extract_epi64(high, 1));
  // Two indices a register, or the compiler takes them out one by one.
  asm("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
  return vu{table[uint32_t(a)], table[a >> 32], table[uint32_t(b)], table[b >> 32],
            table[uint32_t(c)], table[c >> 32], table[uint32_t(d)], table[d >> 32]};
#endif
}

/** 32 numbers below 256 as bytes, in order. */
INLINE void storeBytes(uint8_t *out, const vu (&numbers)[32 / W]) {
#if defined(TERSOR_AVX512)
  UNROLL for (int j = 0; j < 32 / W; j++) store(out + j * W, __builtin_convertvector(numbers[j], vq));
#else
  __m256i low = _mm256_packus_epi32((__m256i)numbers[0], (__m256i)numbers[1]);
  __m256i high = _mm256_packus_epi32((__m256i)numbers[2], (__m256i)numbers[3]);
  // Packing goes by halves of vectors, so that fours of bytes are out of order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  store(out, (vub)_mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order));
#endif
}

#if defined(TERSOR_AVX2)
struct Spread {
  /** For each set of lanes: where the two bytes of each lane are among those that the set takes; 0x80 for a zero. */
  alignas(4 * W) uint8_t order[256][4 * W];
  constexpr Spread() : order() {
    for (int set = 0; set < 256; set++) {
      int taken = 0;
      for (int lane = 0; lane < 8; lane++) {
        const bool takes = (set >> lane) & 1;
        order[set][4 * lane] = takes ? uint8_t(2 * taken) : 0x80;
        order[set][4 * lane + 1] = takes ? uint8_t(2 * taken + 1) : 0x80;
        order[set][4 * lane + 2] = order[set][4 * lane + 3] = 0x80;
        taken += takes;
      }
    }
  }
};
static constexpr Spread spread;
#endif

/** The lanes whose mask is set, as bits. */
INLINE uint32_t lanesOf(vi mask) {
#if defined(TERSOR_AVX512)
  return _mm512_movepi32_mask((__m512i)mask);
#else
  return uint32_t(_mm256_movemask_ps((__m256)mask));
#endif
}

/** The next 16-bit words for some lanes, in order; 0 for the others. Reads 2·W bytes. */
INLINE vu spreadWords(const uint8_t *p, uint32_t lanes) {
#if defined(TERSOR_AVX512)
  __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return (vu)_mm512_maskz_expand_epi32(__mmask16(lanes), words);
#else
  __m256i words = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
  return (vu)_mm256_shuffle_epi8(words, _mm256_load_si256((const __m256i *)spread.order[lanes]));
#endif
}
#endif

INLINE void prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }

}  // namespace
