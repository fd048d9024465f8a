// How a packed weight lies in memory; the same for every instruction set.
//
// Rows go in tiles of 16. A tile holds its groups one after the other, each as 16 scales, 16 shifts if
// there are any (padded to 32 bytes together), then the codes in steps of 4 columns: byte 4·r + j of a
// step belongs to row r and its column j. Narrow codes share the 64 bytes of a step:
//   4 bits: two steps, the first in the low nibbles;
//   2 bits: four steps, lowest bits first;
//   3 bits: for each 32 columns the low two bits as above (128 bytes), then the third bits of all eight
//           steps (64 bytes), lowest bit first.
// Groups are padded to whole units, rows to whole tiles, with zeros.
#pragma once
#include "call.h"

namespace tersor {
// Private to each translation unit, as each is compiled for another instruction set.
namespace {

constexpr int64_t TILE_ROWS = 16;

struct PackedLayout {
  int64_t rows, columns, bits, group, scaleType, shiftKind;
  /** Bits that a code takes here. */
  int64_t stored() const { return bits <= 2 ? 2 : bits <= 4 ? bits : 8; }
  /** Columns that share their bytes. */
  int64_t unit() const { return stored() == 2 ? 16 : stored() == 3 ? 32 : stored() == 4 ? 8 : 4; }
  int64_t unitBytes() const { return stored() == 3 ? 192 : 64; }
  int64_t scaleBytes() const { return scaleType == 0 ? 4 : 2; }
  int64_t shiftBytes() const { return shiftKind == 1 ? 1 : shiftKind == 2 ? scaleBytes() : 0; }
  int64_t headBytes() const { return roundUp(16 * (scaleBytes() + shiftBytes()), 32); }
  int64_t groups() const { return columns == 0 ? 0 : ceilDivide(columns, group); }
  /** Columns of a group, and with its padding. */
  int64_t length(int64_t g) const { return least(group, columns - g * group); }
  int64_t padded(int64_t g) const { return roundUp(length(g), unit()); }
  int64_t codeBytes(int64_t g) const { return padded(g) / unit() * unitBytes(); }
  /** Where a group starts in its tile: all but the last are of one size. */
  int64_t groupStart(int64_t g) const { return g * (headBytes() + roundUp(least(group, columns), unit()) / unit() * unitBytes()); }
  int64_t tileBytes() const { return groups() == 0 ? 0 : groupStart(groups() - 1) + headBytes() + codeBytes(groups() - 1); }
  int64_t tiles() const { return ceilDivide(rows, TILE_ROWS); }
  /** Columns with all padding. */
  int64_t paddedColumns() const { return groups() == 0 ? 0 : (groups() - 1) * roundUp(least(group, columns), unit()) + padded(groups() - 1); }
  int64_t rowBytes() const { return (columns * bits + 7) / 8; }
};

}  // namespace
}  // namespace tersor
