#pragma once
#include "packed-codes.h"

namespace {

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

}  // namespace
