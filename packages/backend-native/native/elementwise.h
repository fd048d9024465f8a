// Conversions, functions of single elements, and pairs of them.
#pragma once
#include "call.h"
#include "vector.h"

namespace {
using namespace tersor;

/** Elements that one thread takes at a time. */
constexpr int64_t CHUNK = 1 << 14;

enum FloatCode { F32, F16, BF16, F8E4M3, F8E5M2 };

INLINE int64_t floatBytes(int64_t code) { return code == F32 ? 4 : code <= BF16 ? 2 : 1; }

// ---- conversion, exact: the bits of core's `cast`, whose NaN is positive and quiet

template <int FROM> INLINE vf widenFloats(const void *p) {
  if constexpr (FROM == F32) return load<vf>(p);
  if constexpr (FROM == F16) return fromHalf(static_cast<const uint16_t *>(p));
  if constexpr (FROM == BF16) return bitcast<vf>(__builtin_convertvector(load<vh>(p), vu) << 16);
  if constexpr (FROM == F8E5M2) return fromHalf(__builtin_convertvector(load<vq>(p), vh) << 8);
  // Sign and magnitude are put where float32 has them; a multiplication moves the exponent, and normalises.
  vi code = __builtin_convertvector(load<vq>(p), vi);
  vf value = bitcast<vf>(((code << 24) >> 4) & int32_t(0x87f00000)) * 0x1p120f;
  return (code & 0x7f) == 0x7f ? bitcast<vf>(vi{} + 0x7fc00000) : value;
}

/**
 * The bits of an 8-bit float: the magnitude is rounded by adding a number whose last place is that
 * of the result, then re-biased; past the largest finite value it stays there.
 */
template <int TO> INLINE vu narrowFloats(vf x) {
  vu bits = bitcast<vu>(x);
  vu sign = bits >> 31;
  vu magnitude = bits & 0x7fffffffu;
  vi size = bitcast<vi>(magnitude);
  if constexpr (TO == F16) {
    vh half = toHalf(x);
    return size > 0x7f800000 ? (vu{} + 0x7e00u) : __builtin_convertvector(half, vu);
  } else if constexpr (TO == BF16) {
    vu rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
    return size > 0x7f800000 ? (vu{} + 0x7fc0u) : rounded;
  } else {
    constexpr int mantissa = TO == F8E4M3 ? 3 : 2, bias = TO == F8E4M3 ? 7 : 15;
    constexpr uint32_t largest = TO == F8E4M3 ? 0x7e : 0x7b, nan = TO == F8E4M3 ? 0x7f : 0x7e;
    constexpr int shift = 23 - mantissa;
    // Normal results: round to `mantissa` bits and move the exponent.
    vu normal = ((magnitude + ((1u << (shift - 1)) - 1) + ((magnitude >> shift) & 1)) >> shift) - ((127u - bias) << mantissa);
    // Subnormal ones: a sum whose unit in the last place is their step, 2^(1 − bias − mantissa).
    constexpr uint32_t lift = uint32_t(127 + 1 - bias - mantissa + 23) << 23;
    vu small = bitcast<vu>(bitcast<vf>(magnitude) + bitcast<vf>(vu{} + lift)) - lift;
    vu code = size < int32_t(uint32_t(127 + 1 - bias) << 23) ? small : normal;
    vi beyond = (bitcast<vi>(code) > int32_t(largest)) | (size >= 0x7f800000);
    code = beyond ? (vu{} + largest) : code;
    code |= sign << 7;
    return size > 0x7f800000 ? (vu{} + nan) : code;
  }
}

template <int TO> INLINE void storeFloats(void *p, vf x) {
  if constexpr (TO == F32) store(p, x);
  else if constexpr (TO == F16 || TO == BF16) store(p, __builtin_convertvector(narrowFloats<TO>(x), vh));
  else store(p, __builtin_convertvector(narrowFloats<TO>(x), vq));
}

/** A half that is not a number keeps its bits, which a conversion may quieten. */
template <int FROM> INLINE vf widenExactly(const void *p) {
  if constexpr (FROM == F16) {
    vu half = __builtin_convertvector(load<vh>(p), vu);
    vf value = fromHalf(static_cast<const uint16_t *>(p));
    vu special = ((half & 0x8000) << 16) | 0x7f800000u | ((half & 0x3ff) << 13);
    return (half & 0x7c00) == 0x7c00 ? bitcast<vf>(special) : value;
  } else if constexpr (FROM == F8E4M3 || FROM == F8E5M2) {
    vf value = widenFloats<FROM>(p);
    return value != value ? bitcast<vf>(vu{} + 0x7fc00000u) : value;
  } else {
    return widenFloats<FROM>(p);
  }
}

template <int FROM, int TO> NOINLINE void convertRun(uint8_t *y, const uint8_t *x, int64_t count) {
  const int64_t from = floatBytes(FROM), to = floatBytes(TO);
  int64_t i = 0;
  for (; i + W <= count; i += W) storeFloats<TO>(y + i * to, widenExactly<FROM>(x + i * from));
  if (i == count) return;
  uint8_t in[4 * W] = {}, out[4 * W];
  memcpy(in, x + i * from, size_t((count - i) * from));
  storeFloats<TO>(out, widenExactly<FROM>(in));
  memcpy(y + i * to, out, size_t((count - i) * to));
}

typedef void ConvertRun(uint8_t *, const uint8_t *, int64_t);

template <int FROM> INLINE ConvertRun *convertTo(int64_t to) {
  switch (to) {
    case F32: return convertRun<FROM, F32>;
    case F16: return convertRun<FROM, F16>;
    case BF16: return convertRun<FROM, BF16>;
    case F8E4M3: return convertRun<FROM, F8E4M3>;
    default: return convertRun<FROM, F8E5M2>;
  }
}
INLINE ConvertRun *converter(int64_t from, int64_t to) {
  switch (from) {
    case F32: return convertTo<F32>(to);
    case F16: return convertTo<F16>(to);
    case BF16: return convertTo<BF16>(to);
    case F8E4M3: return convertTo<F8E4M3>(to);
    default: return convertTo<F8E5M2>(to);
  }
}

void convert(const Call &call, Member &member) {
  const int64_t size = call.size(0), from = call.size(1), to = call.size(2);
  ConvertRun *run = converter(from, to);
  member.share(ceilDivide(size, CHUNK), [&](int64_t chunk) {
    const int64_t start = chunk * CHUNK, count = least(CHUNK, size - start);
    run(call.at<uint8_t>(0) + start * floatBytes(to), call.at<uint8_t>(1) + start * floatBytes(from), count);
  });
}

// ---- exponentials

/** 2^n as a float, −126 ≤ n ≤ 127. */
INLINE vf power2(vi n) { return bitcast<vf>((n + 127) << 23); }

struct Reduced {
  vf mantissa;
  vi exponent;
};

/** eˣ = mantissa · 2^exponent, for |x| below 2^21. */
INLINE Reduced expParts(vf x) {
  const vf magic = splat(12582912.0f);
  vf shifted = fma(x, splat(1.44269504088896341f), magic);
  vf n = shifted - magic;
  vf r = fma(n, splat(-0.693145751953125f), x);
  r = fma(n, splat(-1.42860682030941723e-6f), r);
  vf p = splat(1.0f / 5040);
  p = fma(p, r, splat(1.0f / 720));
  p = fma(p, r, splat(1.0f / 120));
  p = fma(p, r, splat(1.0f / 24));
  p = fma(p, r, splat(1.0f / 6));
  p = fma(p, r, splat(0.5f));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  return {p, bitcast<vi>(shifted) - bitcast<vi>(magic)};
}

/** eˣ for every x; NaN stays. */
INLINE vf expv(vf x) {
  x = x < -105.0f ? splat(-105.0f) : x;
  x = x > 89.0f ? splat(89.0f) : x;
  Reduced e = expParts(x);
  vi half = e.exponent >> 1;
  return e.mantissa * power2(half) * power2(e.exponent - half);
}

/** eˣ for x ≤ 0, 0 below the normal numbers; NaN stays. */
INLINE vf expNegative(vf x) {
  Reduced e = expParts(x < -87.0f ? splat(-87.0f) : x);
  return x < -87.0f ? vf{} : e.mantissa * power2(e.exponent);
}

INLINE vf siluv(vf x) {
  vf e = expv(bitcast<vf>(bitcast<vu>(x) | 0x80000000u));
  vf y = (x < 0.0f ? x * e : x) / (1.0f + e);
  return x == -__builtin_inff() ? splat(-0.0f) : y;
}

/** tanh x: below 0.55 an odd polynomial, fitted to a relative error of 4e-8; beyond it from the exponential. */
INLINE vf tanhv(vf x) {
  const vf size = absv(x), z = x * x;
  vf p = fma(splat(0.0164375398f), z, splat(-0.0526717901f));
  p = fma(p, z, splat(0.133207247f));
  p = fma(p, z, splat(-0.333329469f));
  const vf near = fma(x * z, p, x);
  const vf far = 1.0f - 2.0f / (1.0f + expv(size + size));
  return size < 0.55f ? near : bitcast<vf>(bitcast<vu>(far) | (bitcast<vu>(x) & 0x80000000u));
}

/** σ(x) = 1 / (1 + e⁻ˣ), with an exponential that is always of a negative number. */
INLINE vf sigmoidv(vf x) {
  const vf e = expv(bitcast<vf>(bitcast<vu>(x) | 0x80000000u));
  return (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
}

/**
 * x·Φ(x), where 1 − Φ(t) = exp(−t²/2) · u·p(u), u = 1 / (1 + 0.275 t), for t ≥ 0: a polynomial fitted to a
 * relative error of 4e-8 up to t = 14.5. The square is taken in float64, because its error is a relative one of the result.
 */
INLINE vf geluv(vf x) {
  const vd wide = __builtin_convertvector(x, vd), half = wide * wide * -0.5;
  const vf high = __builtin_convertvector(half, vf);
  const vf bounded = high < -120.0f ? splat(-120.0f) : high;
  vf low = __builtin_convertvector(half - __builtin_convertvector(high, vd), vf);
  low = bounded == high ? low : vf{};
  vf e = expv(bounded);
  e = fma(e, low, e);
  const vf u = 1.0f / fma(absv(x), splat(0.275f), splat(1.0f));
  vf p = fma(splat(0.0264066588f), u, splat(-0.10679964f));
  p = fma(p, u, splat(0.121824622f));
  p = fma(p, u, splat(-0.025263641f));
  p = fma(p, u, splat(0.0809596553f));
  p = fma(p, u, splat(0.0820094794f));
  p = fma(p, u, splat(0.101391748f));
  p = fma(p, u, splat(0.109767035f));
  p = fma(p, u, splat(0.1097041f));
  const vf tail = e * (p * u);
  const vf y = x * (x < 0.0f ? tail : 1.0f - tail);
  return x == -__builtin_inff() ? splat(-0.0f) : y;
}

/** x·σ(2u), u = √(2/π)·(x + 0.044715·x³) in float64, because an error of u is a relative one of the result. */
INLINE vf geluTanhv(vf x) {
  vd wide = __builtin_convertvector(x, vd);
  vd z = wide * (1.5957691216057308 + 0.07135481627260025 * (wide * wide));
  vf high = __builtin_convertvector(z, vf);
  vf bounded = high > 89.0f ? splat(89.0f) : high < -120.0f ? splat(-120.0f) : high;
  vf low = __builtin_convertvector(z - __builtin_convertvector(high, vd), vf);
  low = bounded == high ? low : vf{};
  // As for silu: the exponential is always of a negative number.
  vf negative = bitcast<vf>(bitcast<vu>(bounded) | 0x80000000u);
  vf e = expv(negative);
  e = fma(e, bounded < 0.0f ? low : -low, e);
  vf y = (x < 0.0f ? x * e : x) / (1.0f + e);
  return x == -__builtin_inff() ? splat(-0.0f) : y;
}

/** Math.max: NaN wins, and 0 is above −0. */
INLINE vf maxExact(vf a, vf b) {
  vf larger = a > b ? a : b;
  larger = a == b ? bitcast<vf>(bitcast<vu>(a) & bitcast<vu>(b)) : larger;
  return a != a ? a : larger;
}

enum UnaryOp { NEG, EXP, SILU, GELU_TANH, SQRT, ABS, GELU, TANH, SIGMOID, RELU };

template <int OP> INLINE vf applyUnary(vf x) {
  if constexpr (OP == NEG) return bitcast<vf>(bitcast<vu>(x) ^ 0x80000000u);
  if constexpr (OP == EXP) return expv(x);
  if constexpr (OP == SILU) return siluv(x);
  if constexpr (OP == GELU_TANH) return geluTanhv(x);
  if constexpr (OP == SQRT) return sqrtv(x);
  if constexpr (OP == GELU) return geluv(x);
  if constexpr (OP == TANH) return tanhv(x);
  if constexpr (OP == SIGMOID) return sigmoidv(x);
  if constexpr (OP == RELU) return maxExact(x, vf{});
  return absv(x);
}

template <int OP> NOINLINE void unaryRun(float *y, const float *x, int64_t count) {
  int64_t i = 0;
  for (; i + W <= count; i += W) storef(y + i, applyUnary<OP>(loadf(x + i)));
  if (i < count) storePart(y + i, applyUnary<OP>(loadPart(x + i, int(count - i))), int(count - i));
}

void unary(const Call &call, Member &member) {
  typedef void Run(float *, const float *, int64_t);
  static Run *const runs[] = {unaryRun<NEG>, unaryRun<EXP>, unaryRun<SILU>, unaryRun<GELU_TANH>, unaryRun<SQRT>,
                              unaryRun<ABS>, unaryRun<GELU>, unaryRun<TANH>, unaryRun<SIGMOID>, unaryRun<RELU>};
  const int64_t size = call.size(1);
  Run *run = runs[call.size(0)];
  member.share(ceilDivide(size, CHUNK), [&](int64_t chunk) {
    const int64_t start = chunk * CHUNK;
    run(call.at<float>(0) + start, call.at<const float>(1) + start, least(CHUNK, size - start));
  });
}

// ---- pairs

enum BinaryOp { ADD, SUB, MUL, DIV, MAX };

template <int OP> INLINE vf applyBinary(vf a, vf b) {
  if constexpr (OP == ADD) return a + b;
  if constexpr (OP == SUB) return a - b;
  if constexpr (OP == MUL) return a * b;
  if constexpr (OP == DIV) return a / b;
  return maxExact(a, b);
}

/** AI and BI: whether a and b advance, or are one number for the whole run. */
template <int OP, bool AI, bool BI>
NOINLINE void binaryRun(float *y, const float *a, const float *b, int64_t count) {
  int64_t i = 0;
  const vf a0 = AI ? vf{} : splat(*a), b0 = BI ? vf{} : splat(*b);
  for (; i + W <= count; i += W) storef(y + i, applyBinary<OP>(AI ? loadf(a + i) : a0, BI ? loadf(b + i) : b0));
  if (i == count) return;
  const int rest = int(count - i);
  storePart(y + i, applyBinary<OP>(AI ? loadPart(a + i, rest) : a0, BI ? loadPart(b + i, rest) : b0), rest);
}

typedef void BinaryRun(float *, const float *, const float *, int64_t);
template <int OP> INLINE BinaryRun *binaryFor(bool aInner, bool bInner) {
  if (aInner) return bInner ? binaryRun<OP, true, true> : binaryRun<OP, true, false>;
  return bInner ? binaryRun<OP, false, true> : binaryRun<OP, false, false>;
}

void binary(const Call &call, Member &member) {
  const int64_t op = call.size(0), outer = call.size(1), inner = call.size(2);
  const int64_t aOuter = call.size(3), aInner = call.size(4), bOuter = call.size(5), bInner = call.size(6);
  BinaryRun *run;
  switch (op) {
    case ADD: run = binaryFor<ADD>(aInner, bInner); break;
    case SUB: run = binaryFor<SUB>(aInner, bInner); break;
    case MUL: run = binaryFor<MUL>(aInner, bInner); break;
    case DIV: run = binaryFor<DIV>(aInner, bInner); break;
    default: run = binaryFor<MAX>(aInner, bInner);
  }
  const int64_t width = most(1, least(inner, CHUNK)), across = ceilDivide(inner, width), height = most(1, CHUNK / width);
  member.share(across * ceilDivide(outer, height), [&](int64_t item) {
    const int64_t start = item % across * width, count = least(width, inner - start), row = item / across * height;
    for (int64_t o = row; o < least(outer, row + height); o++)
      run(call.at<float>(0) + o * inner + start, call.at<const float>(1) + o * aOuter + start * aInner,
          call.at<const float>(2) + o * bOuter + start * bInner, count);
  });
}

}  // namespace
