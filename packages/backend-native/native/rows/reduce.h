// Folds over an axis.
#pragma once
#include "rows/rows.h"

namespace {

enum ReduceOp { SUM, MAXIMUM, ABS_MAX, SUM_SQUARES };

template <int OP> INLINE vf firstOf() { return OP == MAXIMUM ? splat(-__builtin_inff()) : vf{}; }

template <int OP> INLINE vf fold(vf sum, vf x) {
  if constexpr (OP == SUM) return sum + x;
  if constexpr (OP == SUM_SQUARES) return fma(x, x, sum);
  if constexpr (OP == MAXIMUM) return maxExact(sum, x);
  // Magnitudes order as integers do, NaN above infinity.
  vi a = bitcast<vi>(sum), b = bitcast<vi>(x) & 0x7fffffff;
  return bitcast<vf>(a > b ? a : b);
}

/** Folds of folds, where squares are no longer to be squared. */
template <int OP> INLINE vf join(vf a, vf b) { return fold<OP == SUM_SQUARES ? SUM : OP>(a, b); }

/** Elements that are summed in float32 before float64 takes over. */
constexpr int64_t SHORT_SUM = 64 * W;

template <int OP> NOINLINE float reduceRow(const float *x, int64_t length) {
  double total = 0;
  vf best = firstOf<OP>();
  for (int64_t start = 0; start < length; start += SHORT_SUM) {
    const int64_t end = least(length, start + SHORT_SUM);
    vf a = firstOf<OP>(), b = a, c = a, d = a;
    int64_t i = start;
    for (; i + 4 * W <= end; i += 4 * W) {
      a = fold<OP>(a, loadf(x + i));
      b = fold<OP>(b, loadf(x + i + W));
      c = fold<OP>(c, loadf(x + i + 2 * W));
      d = fold<OP>(d, loadf(x + i + 3 * W));
    }
    for (; i < end; i += W)
      a = fold<OP>(a, i + W <= end ? loadf(x + i) : loadPart(x + i, int(end - i), OP == MAXIMUM ? -__builtin_inff() : 0));
    vf all = join<OP>(join<OP>(a, b), join<OP>(c, d));
    if (OP == SUM || OP == SUM_SQUARES) total += sumOf(all);
    else best = join<OP>(best, all);
  }
  if (OP == SUM || OP == SUM_SQUARES) return float(total);
  float lanes[W];
  storef(lanes, best);
  vf result = splat(lanes[0]);
  for (int i = 1; i < W; i++) result = join<OP>(result, splat(lanes[i]));
  return result[0];
}

/** N · W neighbouring folds down a column, in two levels so that long sums stay exact enough. */
template <int OP, int N> INLINE void reduceColumns(float *y, const float *x, int64_t length, int64_t inner) {
  vf total[N];
  for (int n = 0; n < N; n++) total[n] = firstOf<OP>();
  for (int64_t start = 0; start < length; start += 256) {
    vf part[N];
    for (int n = 0; n < N; n++) part[n] = firstOf<OP>();
    for (int64_t i = start; i < least(length, start + 256); i++)
      for (int n = 0; n < N; n++) part[n] = fold<OP>(part[n], loadf(x + i * inner + n * W));
    for (int n = 0; n < N; n++) total[n] = join<OP>(total[n], part[n]);
  }
  for (int n = 0; n < N; n++) storef(y + n * W, total[n]);
}

template <int OP> void reduceAll(const Call &call, Member &member) {
  const int64_t outer = call.size(1), length = call.size(2), inner = call.size(3);
  float *y = call.at<float>(0);
  const float *x = call.at<const float>(1);
  if (inner == 1) {
    shareRows(member, outer, length, [&](int64_t o) { y[o] = reduceRow<OP>(x + o * length, length); });
    return;
  }
  const int64_t strip = 4 * W, strips = ceilDivide(inner, strip);
  member.share(outer * strips, [&](int64_t item) {
    const int64_t o = item / strips, end = least(inner, (item % strips + 1) * strip);
    const float *from = x + o * length * inner;
    int64_t i = item % strips * strip;
    if (i + strip <= end) return reduceColumns<OP, 4>(y + o * inner + i, from + i, length, inner);
    for (; i + W <= end; i += W) reduceColumns<OP, 1>(y + o * inner + i, from + i, length, inner);
    for (; i < end; i++) {
      vf total = firstOf<OP>();
      for (int64_t start = 0; start < length; start += 256) {
        vf part = firstOf<OP>();
        for (int64_t at = start; at < least(length, start + 256); at++) part = fold<OP>(part, splat(from[at * inner + i]));
        total = join<OP>(total, part);
      }
      y[o * inner + i] = total[0];
    }
  });
}

void reduce(const Call &call, Member &member) {
  switch (call.size(0)) {
    case SUM: return reduceAll<SUM>(call, member);
    case MAXIMUM: return reduceAll<MAXIMUM>(call, member);
    case ABS_MAX: return reduceAll<ABS_MAX>(call, member);
    default: return reduceAll<SUM_SQUARES>(call, member);
  }
}

}  // namespace
