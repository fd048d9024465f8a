// Interleaved range coding: many states take turns at one stream of 16-bit words.
#pragma once
#include "rows/rows.h"

namespace {

constexpr int64_t RANS_LANES = 32;
constexpr uint32_t RANS_LOW = 1u << 16;

/** For each slot, from the top: its symbol in 8 bits, how often it occurs less one in 12, which of its slots this is in 12. */
struct RansTable {
  uint32_t entry[4096];
};

/** False where the frequencies are not a distribution. */
bool makeTable(RansTable &table, const uint16_t *frequencies, int64_t precision) {
  uint32_t slot = 0;
  const uint32_t slots = 1u << precision;
  for (uint32_t symbol = 0; symbol < 256; symbol++) {
    const uint32_t frequency = frequencies[symbol];
    if (frequency > slots - slot) return false;
    for (uint32_t i = 0; i < frequency; i++) table.entry[slot++] = symbol << 24 | (frequency - 1) << 12 | i;
  }
  return slot == slots;
}

struct Chunk {
  const uint8_t *at, *end;
  uint8_t *out;
  int64_t count;
};

/** One lane, one symbol; false where a word is missing. */
INLINE bool step(uint32_t &x, Chunk &c, const RansTable &table, int64_t precision) {
  const uint32_t e = table.entry[x & ((1u << precision) - 1)];
  *c.out++ = uint8_t(e >> 24);
  x = ((e >> 12 & 0xfff) + 1) * (x >> precision) + (e & 0xfff);
  if (x >= RANS_LOW) return true;
  if (c.end - c.at < 2) return false;
  x = x << 16 | uint32_t(c.at[0] | c.at[1] << 8);
  c.at += 2;
  return true;
}

/** Any number of lanes. */
bool decodeChunk(Chunk &c, uint32_t *states, int64_t lanes, int64_t lane, const RansTable &table, int64_t precision) {
  for (; c.count > 0; c.count--) {
    if (!step(states[lane], c, table, precision)) return false;
    if (++lane == lanes) lane = 0;
  }
  if (c.at != c.end) return false;
  for (int64_t i = 0; i < lanes; i++)
    if (states[i] != RANS_LOW) return false;
  return true;
}

#if defined(TERSOR_GATHER)
/**
 * Whole rounds of 32 lanes, while what a round may read is inside the stream. A corrupt chunk may run
 * past its own end here, which shows afterwards.
 */
NOINLINE void decodeRounds(Chunk &c, uint32_t *states, const RansTable &table, int64_t precision, const uint8_t *streamEnd) {
  constexpr int N = int(RANS_LANES) / W;
  vu x[N];
  UNROLL for (int j = 0; j < N; j++) x[j] = load<vu>(states + j * W);
  const vu mask = vu{} + ((1u << precision) - 1), shift = vu{} + uint32_t(precision);
  const uint8_t *at = c.at;
  uint8_t *out = c.out;
  int64_t count = c.count;
  while (count >= RANS_LANES && streamEnd - at >= 2 * RANS_LANES + 2 * W) {
    uint32_t lanes[N];
    vu symbols[N];
    UNROLL for (int j = 0; j < N; j++) {
      const vu e = gather(table.entry, x[j] & mask), high = x[j] >> shift;
      symbols[j] = e >> 24;
      x[j] = (e >> 12 & 0xfff) * high + ((e & 0xfff) + high);
      lanes[j] = lanesOf(bitcast<vi>((x[j] >> 16) == 0));
    }
    storeBytes(out, symbols);
    UNROLL for (int j = 0; j < N; j++) {
      vu words = spreadWords(at, lanes[j]);
      at += 2 * __builtin_popcount(lanes[j]);
      x[j] = (x[j] >> 16) == 0 ? (x[j] << 16 | words) : x[j];
    }
    out += RANS_LANES;
    count -= RANS_LANES;
  }
  UNROLL for (int j = 0; j < N; j++) store(states + j * W, x[j]);
  c.at = at;
  c.out = out;
  c.count = count;
}
#endif

void ransDecode(const Call &call, Member &member) {
  const int64_t chunks = call.size(0), chunkSymbols = call.size(1), size = call.size(2), precision = call.size(3), lanes = call.size(4);
  const uint32_t streamBytes = uint32_t(least(call.size(5), 0xffffffff));
  const uint8_t *stream = call.at<const uint8_t>(2);
  const uint32_t *offsets = call.at<const uint32_t>(4);
  int32_t *status = call.at<int32_t>(1);
  const int64_t each = int64_t(sizeof(RansTable)) + roundUp(4 * lanes, 64);
  RansTable &table = *reinterpret_cast<RansTable *>(member.scratch + member.part * each);
  uint32_t *states = reinterpret_cast<uint32_t *>(&table + 1);
  // Written by whoever finds something wrong; all write the same.
  auto corrupt = [&] { __atomic_store_n(status, 1, __ATOMIC_RELAXED); };
  if (member.part == 0 && chunks == 0 && size > 0) corrupt();
  if (!makeTable(table, call.at<const uint16_t>(3), precision)) return corrupt();
  member.share(chunks, [&](int64_t i) {
    const int64_t start = i * chunkSymbols, count = most(0, least(chunkSymbols, size - start));
    const uint32_t from = offsets[i], to = offsets[i + 1];
    if (from > to || to > streamBytes || int64_t(to - from) < 4 * lanes) return corrupt();
    Chunk c{stream + from, stream + to, call.at<uint8_t>(0) + start, count};
    memcpy(states, c.at, size_t(4 * lanes));
    c.at += 4 * lanes;
#if defined(TERSOR_GATHER)
    if (lanes == RANS_LANES) {
      decodeRounds(c, states, table, precision, stream + streamBytes);
      if (c.at > c.end) return corrupt();
    }
#endif
    if (!decodeChunk(c, states, lanes, 0, table, precision)) corrupt();
  });
}

size_t ransScratch(const Call &call, int parts) {
  return size_t(int64_t(sizeof(RansTable)) + roundUp(4 * call.size(4), 64)) * size_t(parts);
}

}  // namespace
