// Codes of a few bits as bytes or 16-bit integers.
#pragma once
#include "rows/rows.h"

namespace {

/** One row of codes, least significant bits first. */
template <class T> NOINLINE void unpackRow(T *out, const uint8_t *packed, int64_t columns, int64_t bits) {
  if (bits == 8) {
    for (int64_t i = 0; i < columns; i++) out[i] = packed[i];
    return;
  }
  if (bits == 4) {
    for (int64_t i = 0; i < columns / 2; i++) {
      out[2 * i] = packed[i] & 15;
      out[2 * i + 1] = packed[i] >> 4;
    }
    if (columns & 1) out[columns - 1] = packed[columns / 2] & 15;
    return;
  }
  const int64_t bytes = (columns * bits + 7) / 8;
  const uint32_t mask = (1u << bits) - 1;
  int64_t i = 0;
  // Eight codes start and end on a byte: at most 16 of them.
  for (; i + 8 <= columns && (i / 8 + 1) * bits + 8 <= bytes; i += 8) {
    const uint8_t *p = packed + i / 8 * bits;
    uint64_t low, high;
    memcpy(&low, p, 8);
    memcpy(&high, p + bits / 2, 8);
    const int skip = int(4 * bits - bits / 2 * 8);
    for (int j = 0; j < 4; j++) {
      out[i + j] = T((low >> (j * bits)) & mask);
      out[i + j + 4] = T((high >> (skip + j * bits)) & mask);
    }
  }
  for (; i < columns; i++) {
    uint32_t held = 0;
    const int64_t bit = i * bits;
    for (int64_t byte = bit / 8, shift = 0; byte <= (bit + bits - 1) / 8; byte++, shift += 8) held |= uint32_t(packed[byte]) << shift;
    out[i] = T((held >> (bit & 7)) & mask);
  }
}

void unpackBits(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1), bits = call.size(2), bytes = call.size(3);
  const int64_t rowBytes = (columns * bits + 7) / 8;
  shareRows(member, rows, columns, [&](int64_t row) {
    const uint8_t *packed = call.at<const uint8_t>(1) + row * rowBytes;
    if (bytes == 1) unpackRow(call.at<uint8_t>(0) + row * columns, packed, columns, bits);
    else unpackRow(call.at<uint16_t>(0) + row * columns, packed, columns, bits);
  });
}

}  // namespace
