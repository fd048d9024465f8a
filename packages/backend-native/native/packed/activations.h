// Rows of activations as integers, group by group, in the order in which products read them.
#pragma once
#include "packed/codes.h"

namespace {

/** How activations are held: bytes, three bytes from high to low, 16-bit integers, two of them, or as they are. */
enum Rounding { BYTES, SPLIT_BYTES, WORDS_FOR_TABLE, SPLIT_WORDS, FLOATS };

constexpr int32_t Q8 = 127;
/** Of activations that are split into three signed bytes, or a word and a byte: 127 · 65536. They lose what float32 loses. */
constexpr int32_t Q24 = 8323072;
/** Bytes of such an activation. */
constexpr int PIECES = 3;
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
 * A panel lies in steps of 4 bytes of each row, one row after the other: 4 activations of BYTES, 2 of WORDS_FOR_TABLE, 1 of
 * FLOATS, 4 high, 4 middle and 4 low bytes of SPLIT_BYTES. Of SPLIT_WORDS, of which a panel has one row, the upper 16 bits
 * of all come first, then what is left of them. Its units and ones lie group by group.
 */
struct Activations {
  Rounding rounding;
  Panels panels;
  int64_t groups, padded;
  int8_t *values;
  /** What one integer of a group stands for, and the sum of what is left of its activations. */
  float *unit, *ones;

  /** Bytes of an activation. */
  int64_t size() const { return rounding == BYTES ? 1 : rounding == SPLIT_BYTES ? PIECES : rounding >= SPLIT_WORDS ? 4 : 2; }
  const int8_t *panel(int64_t first) const { return values + first * padded * size(); }
};

/** Rounds one group of one row to integers, whose steps begin at `out` and are `step` bytes apart; lower words lie `below` bytes after the upper. */
NOINLINE void roundGroup(Rounding rounding, int8_t *out, int64_t step, int64_t below, const float *x, int64_t columns, int64_t padded, float *unit, float *ones) {
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
  const float q = rounding == BYTES ? Q8 : rounding == WORDS_FOR_TABLE ? Q15 : Q24;
  // Small numbers are lifted so that the inverse stays finite.
  const float lift = max < 1e-30f ? 0x1p80f : 1.0f;
  const float inverse = !finite || max == 0 ? 0 : q / (max * lift);
  int64_t sum = 0;
  vi total{};
  auto flush = [&]() {
    store(lanes, total);
    for (int i = 0; i < W; i++) sum += lanes[i];
    total = vi{};
  };
  for (int64_t i = 0; i < padded; i += W) {
    const int count = int(least(W, padded - i));
    vf v = i + W <= columns ? loadf(x + i) : loadPart(x + i, int(most(0, columns - i)));
    vi n = finite ? nearest(v * lift * inverse) : vi{};
    total += n;
    // Few of these fit a lane.
    if (i % (128 * W) == 0) flush();
    if (rounding == BYTES) {
      vq bytes = __builtin_convertvector(n, vq);
      for (int j = 0; j < count; j += 4, out += step) memcpy(out, reinterpret_cast<int8_t *>(&bytes) + j, 4);
    } else if (rounding == SPLIT_BYTES) {
      const vi upper = (n + 128) >> 8, high = (upper + 128) >> 8;
      vq bytes[PIECES] = {__builtin_convertvector(high, vq), __builtin_convertvector(upper - (high << 8), vq), __builtin_convertvector(n - (upper << 8), vq)};
      for (int j = 0; j < count; j += 4, out += step)
        for (int piece = 0; piece < PIECES; piece++) memcpy(out + 4 * piece, reinterpret_cast<int8_t *>(&bytes[piece]) + j, 4);
    } else {
      const bool split = rounding == SPLIT_WORDS;
      const vi upper = split ? (n + 128) >> 8 : n;
      vh words = __builtin_convertvector(upper, vh), lower = __builtin_convertvector(n - (upper << 8), vh);
      for (int j = 0; j < count; j += 2, out += step) {
        memcpy(out, reinterpret_cast<int16_t *>(&words) + j, 4);
        if (split) memcpy(out + below, reinterpret_cast<int16_t *>(&lower) + j, 4);
      }
    }
  }
  flush();
  *unit = !finite ? __builtin_nanf("") : max * lift / q / lift;
  *ones = *unit * float(sum);
}

/** The rows of a panel as they are, with zeros where groups are padded. */
void orderPanel(const Activations &a, const PackedLayout &layout, const float *x, Panel panel) {
  float *out = reinterpret_cast<float *>(a.values + panel.first * a.padded * a.size());
  for (int64_t g = 0; g < a.groups; g++, x += layout.group)
    for (int64_t c = 0; c < layout.padded(g); c++, out += panel.rows)
      for (int64_t r = 0; r < panel.rows; r++) out[r] = c < layout.length(g) ? x[(panel.first + r) * layout.columns + c] : 0;
}

/** Rounds the rows of a panel; every unit comes out times `unit`, every sum times `ones`. */
void roundPanel(const Activations &a, const PackedLayout &layout, const float *x, Panel panel, float unit, float ones) {
  if (a.rounding == FLOATS) return orderPanel(a, layout, x, panel);
  const int64_t lanes = a.rounding == SPLIT_BYTES ? PIECES : 1;
  for (int64_t r = 0; r < panel.rows; r++) {
    int8_t *out = a.values + panel.first * a.padded * a.size() + 4 * lanes * r;
    for (int64_t g = 0; g < a.groups; g++) {
      const int64_t at = panel.first * a.groups + g * panel.rows + r, padded = layout.padded(g);
      roundGroup(a.rounding, out, 4 * lanes * panel.rows, 2 * a.padded, x + (panel.first + r) * layout.columns + g * layout.group, layout.length(g), padded,
                 a.unit + at, a.ones + at);
      a.unit[at] *= unit;
      a.ones[at] *= ones;
      out += panel.rows * padded * (a.rounding == SPLIT_WORDS ? 2 : a.size());
    }
  }
}

}  // namespace
