// Codes into tiles, and back.
#pragma once
#include "movement.h"
#include "packed/layout.h"

namespace {

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
