// Rows of activations as integers, group by group, in the order in which products read them.
#pragma once
#include "packed/codes.h"

namespace {

/** How activations are held: bytes, high and low bytes, or 16-bit integers. */
enum Rounding { BYTES, SPLIT_BYTES, WORDS, WORDS_FOR_TABLE };
constexpr bool inWords(Rounding rounding) { return rounding == WORDS || rounding == WORDS_FOR_TABLE; }

constexpr int32_t Q8 = 127;
/** Of activations that are split into two signed bytes: 127 · 256. */
constexpr int32_t Q16 = 32512;
/** Against a table of such integers: 8 products fit an i32. */
constexpr int32_t Q15 = 16383;

/** Rows that are multiplied together. */
struct Panel {
  int64_t first, rows;
};

/** All rows: panels of the most, then of 4, 2 and 1. */
struct Panels {
  int64_t rows, most;

  /** Calls f for the panels of some rows, which begin and end where panels of the most do. */
  template <class F> void each(int64_t first, int64_t end, F f) const {
    for (Panel panel{first, 0}; panel.first < least(end, rows); panel.first += panel.rows) {
      const int64_t left = rows - panel.first;
      panel.rows = left >= most ? most : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      f(panel);
    }
  }
  template <class F> void each(F f) const { each(0, rows, f); }
};

/**
 * A panel lies in steps of 4 bytes of each row, one row after the other: 4 activations of BYTES, 2 of WORDS,
 * 4 high and then 4 low bytes of SPLIT_BYTES. Its units and ones lie group by group.
 */
struct Activations {
  Rounding rounding;
  Panels panels;
  int64_t groups, padded;
  int8_t *values;
  /** What one integer of a group stands for, and the sum of what is left of its activations. */
  float *unit, *ones;

  /** Bytes of an activation. */
  int64_t size() const { return rounding == BYTES ? 1 : 2; }
  const int8_t *panel(int64_t first) const { return values + first * padded * size(); }
};

/** Rounds one group of one row to integers, whose steps begin at `out` and are `step` bytes apart. */
NOINLINE void roundGroup(Rounding rounding, int8_t *out, int64_t step, const float *x, int64_t columns, int64_t padded, float *unit, float *ones) {
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
  const float q = rounding == BYTES ? Q8 : rounding == WORDS_FOR_TABLE ? Q15 : Q16;
  // Small numbers are lifted so that the inverse stays finite.
  const float lift = max < 1e-30f ? 0x1p80f : 1.0f;
  const float inverse = !finite || max == 0 ? 0 : q / (max * lift);
  vi total{};
  for (int64_t i = 0; i < padded; i += W) {
    const int count = int(least(W, padded - i));
    vf v = i + W <= columns ? loadf(x + i) : loadPart(x + i, int(most(0, columns - i)));
    vi n = finite ? nearest(v * lift * inverse) : vi{};
    total += n;
    if (rounding == BYTES) {
      vq bytes = __builtin_convertvector(n, vq);
      for (int j = 0; j < count; j += 4, out += step) memcpy(out, reinterpret_cast<int8_t *>(&bytes) + j, 4);
    } else if (rounding == SPLIT_BYTES) {
      vi high = (n + 128) >> 8;
      vq highs = __builtin_convertvector(high, vq), lows = __builtin_convertvector(n - (high << 8), vq);
      for (int j = 0; j < count; j += 4, out += step) {
        memcpy(out, reinterpret_cast<int8_t *>(&highs) + j, 4);
        memcpy(out + 4, reinterpret_cast<int8_t *>(&lows) + j, 4);
      }
    } else {
      vh words = __builtin_convertvector(n, vh);
      for (int j = 0; j < count; j += 2, out += step) memcpy(out, reinterpret_cast<int16_t *>(&words) + j, 4);
    }
  }
  int64_t sum = 0;
  store(lanes, total);
  for (int i = 0; i < W; i++) sum += lanes[i];
  *unit = !finite ? __builtin_nanf("") : max * lift / q / lift;
  *ones = *unit * float(sum);
}

/** Rounds the rows of a panel; every unit comes out times `unit`, every sum times `ones`. */
void roundPanel(const Activations &a, const PackedLayout &layout, const float *x, Panel panel, float unit, float ones) {
  const int64_t lanes = a.rounding == SPLIT_BYTES ? 2 : 1;
  for (int64_t r = 0; r < panel.rows; r++) {
    int8_t *out = a.values + panel.first * a.padded * a.size() + 4 * lanes * r;
    for (int64_t g = 0; g < a.groups; g++) {
      const int64_t at = panel.first * a.groups + g * panel.rows + r, padded = layout.padded(g);
      roundGroup(a.rounding, out, 4 * lanes * panel.rows, x + (panel.first + r) * layout.columns + g * layout.group, layout.length(g), padded,
                 a.unit + at, a.ones + at);
      a.unit[at] *= unit;
      a.ones[at] *= ones;
      out += panel.rows * padded * a.size();
    }
  }
}

}  // namespace
