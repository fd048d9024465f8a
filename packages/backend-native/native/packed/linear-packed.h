// Linear layers over packed weights: narrow codes against activations rounded to integers, group by group.
#pragma once
#include "packed/activations.h"
#include "packed/dots.h"

namespace {

/** Whether `dot` takes codes of all 8 bits; elsewhere they go as 16-bit integers. */
#if defined(TERSOR_AVX512)
constexpr bool WIDE_DOT = true;
#else
constexpr bool WIDE_DOT = false;
#endif

/** Up to so many rows of activations read the codes from the stream; for more they are unpacked. */
constexpr int64_t READING_ROWS = 4;

/** Whether many rows are multiplied in float32, which takes fewer steps than three bytes where `dot` takes several. */
#if defined(TERSOR_AVX2) || defined(TERSOR_BASELINE)
constexpr bool MANY_FLOATS = true;
#else
constexpr bool MANY_FLOATS = false;
#endif

/**
 * Rows of bytes that share one reading of the stream, and rows of bytes or words that share unpacked codes; then the
 * same of three bytes each.
 */
#if defined(TERSOR_AVX512)
constexpr int STREAM_ROWS = 4, UNPACKED_ROWS = 8, SPLIT_STREAM_ROWS = 4, SPLIT_UNPACKED_ROWS = 4;
#elif defined(TERSOR_AVX2)
constexpr int STREAM_ROWS = 4, UNPACKED_ROWS = 6, SPLIT_STREAM_ROWS = 1, SPLIT_UNPACKED_ROWS = 1;
#elif defined(TERSOR_NEON)
constexpr int STREAM_ROWS = 4, UNPACKED_ROWS = 4, SPLIT_STREAM_ROWS = 1, SPLIT_UNPACKED_ROWS = 1;
#else
constexpr int STREAM_ROWS = 2, UNPACKED_ROWS = 3, SPLIT_STREAM_ROWS = 1, SPLIT_UNPACKED_ROWS = 1;
#endif

/** Tiles that one row of activations meets in turns, far apart from each other. */
constexpr int64_t PLACES = 2;

/** How far ahead of its use a stream is fetched. */
constexpr int64_t AHEAD = 2048;

struct PackedProduct {
  PackedLayout layout;
  const float *x, *table;
  const uint8_t *stream;
  float *y;
  int64_t m;
  float constant;
  bool accumulate;
  Rounding rounding;
  Activations activations;
  /** For each thread, where there are many rows. */
  uint8_t *room;
  int64_t roomBytes;

  /** Whether every group has a shift of its own. */
  bool shifted() const { return layout.shiftKind == 1 || layout.shiftKind == 2; }
  /** Places of the stream that one row is multiplied in at once. */
  int64_t places() const { return m == 1 && rounding <= SPLIT_BYTES && layout.tiles() % PLACES == 0 ? PLACES : 1; }
  /** Whether codes are unpacked for many rows. */
  bool many() const { return m > READING_ROWS; }
  /** Rows of a panel. */
  int mostRows() const {
    if (many()) return rounding == SPLIT_BYTES ? SPLIT_UNPACKED_ROWS : UNPACKED_ROWS;
    return rounding == BYTES ? STREAM_ROWS : rounding == SPLIT_BYTES ? SPLIT_STREAM_ROWS : 1;
  }
};

/** Columns of a tile that are unpacked at a time: 12 KiB as bytes, 24 as words; and as floats, 16 KiB. */
constexpr int64_t UNPACKED_COLUMNS = 768, FLOAT_COLUMNS = 256;

INLINE int64_t groupsAtOnce(const PackedLayout &layout, Rounding rounding) {
  return most(1, (rounding == FLOATS ? FLOAT_COLUMNS : UNPACKED_COLUMNS) / most(1, roundUp(least(layout.group, layout.columns), layout.unit())));
}

PackedProduct packedProductOf(const Call &call, int parts, uint8_t *scratch, size_t *needed) {
  PackedProduct p{};
  p.layout = {call.size(1), call.size(2), call.size(3), call.size(4), call.size(5), call.size(6)};
  p.y = call.at<float>(0);
  p.x = call.at<const float>(1);
  p.stream = call.at<const uint8_t>(2);
  p.table = call.at<const float>(3);
  p.m = call.size(0);
  p.constant = p.layout.shiftKind == 3 ? call.real(7) : 0;
  p.accumulate = call.size(9) != 0;
  const bool wide = p.layout.stored() == 8 && !WIDE_DOT;
  if (p.table != nullptr) p.rounding = WORDS_FOR_TABLE;
  else if (call.size(8) == 1 && !wide) p.rounding = BYTES;
  else if (p.m > READING_ROWS) p.rounding = wide || MANY_FLOATS ? FLOATS : SPLIT_BYTES;
  else p.rounding = wide ? SPLIT_WORDS : SPLIT_BYTES;
  Activations &a = p.activations;
  a = {p.rounding, {p.m, p.mostRows()}, p.layout.groups(), p.layout.paddedColumns(), nullptr, nullptr, nullptr};
  size_t at = 0;
  auto take = [&](int64_t bytes) {
    uint8_t *from = scratch + at;
    at += size_t(roundUp(bytes, 64));
    return from;
  };
  // Four words of one row are read at once.
  a.values = reinterpret_cast<int8_t *>(take(p.m * a.padded * a.size() + 8));
  a.unit = reinterpret_cast<float *>(take(p.m * a.groups * 4));
  a.ones = reinterpret_cast<float *>(take(p.m * a.groups * 4));
  if (p.many()) {
    const int64_t groups = groupsAtOnce(p.layout, p.rounding);
    const int64_t columns = groups * roundUp(least(p.layout.group, p.layout.columns), p.layout.unit());
    p.roomBytes = roundUp(columns * TILE_ROWS * (p.rounding == FLOATS ? 4 : p.rounding == WORDS_FOR_TABLE ? 2 : 1) + groups * 2 * TILE_ROWS * 4 + p.m * TILE_ROWS * 4, 256);
    p.room = take(p.roomBytes * parts);
  }
  *needed = at;
  return p;
}

/** y (rows, 16) from `row` on = or += the sums of a tile. */
INLINE void writeTile(const PackedProduct &p, int64_t row, int64_t tile, const vf sum[NT]) {
  const int64_t start = tile * TILE_ROWS, count = least(TILE_ROWS, p.layout.rows - start);
  float *y = p.y + row * p.layout.rows + start;
  UNROLL for (int t = 0; t < NT; t++) {
    const int width = int(least(W, count - t * W));
    if (width >= W) storef(y + t * W, p.accumulate ? loadf(y + t * W) + sum[t] : sum[t]);
    else if (width > 0) storePart(y + t * W, p.accumulate ? loadPart(y + t * W, width) + sum[t] : sum[t], width);
  }
}

/**
 * Calls f(at, columns, g) for the groups of a tile: with columns that the compiler knows to be 32 where all
 * but a last short one are, fetching the stream ahead. `apart` is how far other tiles lie that are read in turns.
 */
template <int STORED, int TILES, class F> INLINE void eachGroup(const PackedLayout &layout, const uint8_t *at, int64_t apart, F f) {
  constexpr int64_t bytes32 = 8 / stepsOf<STORED>() * bytesOfUnit<STORED>();
  const int64_t head = layout.headBytes(), groups = layout.groups(), last = layout.padded(groups - 1);
  const int64_t wide = groups > 1 ? layout.padded(0) : last;
  int64_t g = 0;
  if (wide == 32) {
    const int64_t full = last == 32 ? groups : groups - 1, step = head + bytes32;
    for (; g < full; g++, at += step) {
      for (int i = 0; i < TILES; i++) UNROLL for (int64_t line = 0; line < bytes32 + 32; line += 64) prefetch(at + i * apart + AHEAD + line);
      f(at, std::integral_constant<int64_t, 32>(), g);
    }
  }
  for (; g < groups; g++) {
    const int64_t columns = g < groups - 1 ? wide : last, step = head + columns / (4 * stepsOf<STORED>()) * bytesOfUnit<STORED>();
    for (int i = 0; i < TILES; i++)
      for (int64_t line = 0; line < step; line += 64) prefetch(at + i * apart + AHEAD + line);
    f(at, columns, g);
    at += step;
  }
}

template <class T> constexpr bool isConstant() { return !std::is_same<T, int64_t>::value; }

/** Calls f with the rows of a panel, of so many at most, as a constant. */
template <int MOST, class F> INLINE void withRows(int64_t rows, F f) {
  if (rows == MOST) return f(std::integral_constant<int, MOST>());
  if constexpr (MOST > 4)
    if (rows == 4) return f(std::integral_constant<int, 4>());
  if constexpr (MOST > 2)
    if (rows == 2) return f(std::integral_constant<int, 2>());
  f(std::integral_constant<int, 1>());
}

// ---- few rows: every code is read from the stream

/**
 * TILES tiles, `apart` from each other, with a panel of bytes. Several tiles take turns group by group
 * because memory is read faster in several places at once.
 */
template <int STORED, int ROWS, bool SPLIT, bool SHIFTED, int TILES> NOINLINE void multiplyTileBytes(const PackedProduct &p, int64_t tile, int64_t apart, int64_t row) {
  const PackedLayout layout = p.layout;
  const Activations a = p.activations;
  const int64_t head = layout.headBytes(), distance = apart * layout.tileBytes();
  const int8_t *x = a.panel(row);
  const float *unit = a.unit + row * a.groups, *ones = a.ones + row * a.groups;
  vf sum[TILES][ROWS][NT] = {};
  eachGroup<STORED, TILES>(layout, p.stream + tile * layout.tileBytes(), distance, [&](const uint8_t *at, auto columns, int64_t g) INLINED {
    UNROLL for (int j = 0; j < TILES; j++) {
      vf dots[ROWS][NT];
      dotBytes<STORED, ROWS, SPLIT, isConstant<decltype(columns)>()>(dots, at + j * distance + head, columns, x);
      const Head h = headOf<SHIFTED>(at + j * distance, layout, 0);
      UNROLL for (int r = 0; r < ROWS; r++) addGroup<SHIFTED>(sum[j][r], dots[r], h, layout.shiftKind, unit[g * ROWS + r], ones[g * ROWS + r]);
    }
    x += columns * ROWS * (SPLIT ? PIECES : 1);
  });
  UNROLL for (int j = 0; j < TILES; j++) UNROLL for (int r = 0; r < ROWS; r++) writeTile(p, row + r, tile + j * apart, sum[j][r]);
}

template <int STORED, bool TABLE, bool SHIFTED> NOINLINE void multiplyTileWords(const PackedProduct &p, int64_t tile, int64_t row, const Table16 &table) {
  const PackedLayout layout = p.layout;
  const Activations a = p.activations;
  const Table16 entries = table;
  const int64_t head = layout.headBytes();
  const int16_t *x = reinterpret_cast<const int16_t *>(a.panel(row));
  const float *unit = a.unit + row * a.groups, *ones = a.ones + row * a.groups;
  vf sum[NT] = {};
  eachGroup<STORED, 1>(layout, p.stream + tile * layout.tileBytes(), 0, [&](const uint8_t *at, auto columns, int64_t g) INLINED {
    vf dots[NT];
    dotWide<STORED, TABLE>(dots, at + head, columns, x, entries);
    if constexpr (!TABLE) {
      vf lower[NT];
      dotWide<STORED, TABLE>(lower, at + head, columns, x + a.padded, entries);
      UNROLL for (int t = 0; t < NT; t++) dots[t] = fma(dots[t], splat(256), lower[t]);
    }
    const Head h = headOf<SHIFTED>(at, layout, 0);
    addGroup<SHIFTED>(sum, dots, h, layout.shiftKind, unit[g], ones[g]);
    x += columns;
  });
  writeTile(p, row, tile, sum);
}

// ---- many rows: codes are unpacked once for all of them

/** Some groups of a tile: codes as bytes, or levels as words; of each group 16 scales and 16 shifts. */
struct Unpacked {
  const uint8_t *codes;
  const float *heads;
  int64_t first, end, column;
  /** Columns of a group, and of the last one here. */
  int64_t wide, last;
};

/**
 * Multiplies a panel with unpacked groups; what comes out is added to `sums` (rows, 16). SHIFTED says that groups have
 * shifts.
 */
template <Rounding ROUNDING, int ROWS, bool SHIFTED> NOINLINE void multiplyUnpacked(const PackedProduct &p, const Unpacked &unpacked, int64_t row, float *sums) {
  constexpr int size = ROUNDING == BYTES ? 1 : ROUNDING == SPLIT_BYTES ? PIECES : 2;
  const Unpacked u = unpacked;
  const Activations a = p.activations;
  const int64_t shiftKind = p.layout.shiftKind;
  const uint8_t *codes = u.codes;
  const float *heads = u.heads;
  const int8_t *x = a.panel(row) + u.column * ROWS * size;
  const float *unit = a.unit + row * a.groups + u.first * ROWS, *ones = a.ones + row * a.groups + u.first * ROWS;
  auto group = [&](auto columns) INLINED {
    vf dots[ROWS][NT];
    dotUnpacked<ROUNDING, ROWS, isConstant<decltype(columns)>()>(dots, codes, columns, x);
    Head h;
    UNROLL for (int t = 0; t < NT; t++) {
      h.scale[t] = loadf(heads + t * W);
      if (SHIFTED) h.shift[t] = loadf(heads + TILE_ROWS + t * W);
    }
    UNROLL for (int r = 0; r < ROWS; r++) {
      vf sum[NT];
      UNROLL for (int t = 0; t < NT; t++) sum[t] = loadf(sums + r * TILE_ROWS + t * W);
      addGroup<SHIFTED>(sum, dots[r], h, shiftKind, unit[r], ones[r]);
      UNROLL for (int t = 0; t < NT; t++) storef(sums + r * TILE_ROWS + t * W, sum[t]);
    }
    codes += columns * TILE_ROWS * (ROUNDING == WORDS_FOR_TABLE ? 2 : 1);
    heads += 2 * TILE_ROWS;
    x += columns * ROWS * size;
    unit += ROWS;
    ones += ROWS;
  };
  int64_t g = u.first;
  if (u.wide == 32)
    for (; g < (u.last == 32 ? u.end : u.end - 1); g++) group(std::integral_constant<int64_t, 32>());
  for (; g < u.end; g++) group(g < u.end - 1 ? u.wide : u.last);
}

template <int STORED, Rounding ROUNDING> void multiplyTileMany(const PackedProduct &p, int64_t tile, uint8_t *room, const Table16 &table) {
  constexpr bool words = ROUNDING == WORDS_FOR_TABLE;
  const PackedLayout layout = p.layout;
  const int64_t atOnce = groupsAtOnce(layout, p.rounding), widest = roundUp(least(layout.group, layout.columns), layout.unit());
  const int64_t groupBytes = widest * TILE_ROWS * (words ? 2 : 1);
  float *heads = reinterpret_cast<float *>(room + atOnce * groupBytes);
  float *sums = heads + atOnce * 2 * TILE_ROWS;
  const bool shifted = p.shifted();
  memset(sums, 0, size_t(p.m * TILE_ROWS * 4));
  const uint8_t *from = p.stream + tile * layout.tileBytes();
  for (int64_t first = 0; first < p.activations.groups; first += atOnce) {
    const int64_t end = least(p.activations.groups, first + atOnce);
    for (int64_t g = first; g < end; g++) {
      const uint8_t *at = from + layout.groupStart(g);
      const Head h = headOf<true>(at, layout, p.constant);
      UNROLL for (int t = 0; t < NT; t++) {
        storef(heads + (g - first) * 2 * TILE_ROWS + t * W, h.scale[t]);
        storef(heads + (g - first) * 2 * TILE_ROWS + TILE_ROWS + t * W, h.shift[t]);
      }
      uint8_t *to = room + (g - first) * groupBytes;
      const uint8_t *codes = at + layout.headBytes();
      if constexpr (ROUNDING == WORDS_FOR_TABLE) unpackLevels<STORED>(to, codes, layout.padded(g), table);
      else unpackToBytes<STORED>(to, codes, layout.padded(g));
    }
    const Unpacked unpacked{room, heads, first, end, first * widest, layout.padded(first), layout.padded(end - 1)};
    p.activations.panels.each([&](Panel panel) {
      withRows<ROUNDING == SPLIT_BYTES ? SPLIT_UNPACKED_ROWS : UNPACKED_ROWS>(panel.rows, [&](auto rows) {
        auto run = shifted ? multiplyUnpacked<ROUNDING, rows.value, true> : multiplyUnpacked<ROUNDING, rows.value, false>;
        run(p, unpacked, panel.first, sums + panel.first * TILE_ROWS);
      });
    });
  }
  for (int64_t row = 0; row < p.m; row++) {
    vf sum[NT];
    UNROLL for (int t = 0; t < NT; t++) sum[t] = loadf(sums + row * TILE_ROWS + t * W);
    writeTile(p, row, tile, sum);
  }
}

// ---- all

template <int STORED, bool SPLIT> INLINE void multiplyBytes(const PackedProduct &p, int64_t tile, uint8_t *room, const Table16 &table) {
  if (p.many()) return multiplyTileMany<STORED, SPLIT ? SPLIT_BYTES : BYTES>(p, tile, room, table);
  p.activations.panels.each([&](Panel panel) {
    withRows<SPLIT ? SPLIT_STREAM_ROWS : STREAM_ROWS>(panel.rows, [&](auto rows) {
      if (p.shifted()) multiplyTileBytes<STORED, rows.value, SPLIT, true, 1>(p, tile, 0, panel.first);
      else multiplyTileBytes<STORED, rows.value, SPLIT, false, 1>(p, tile, 0, panel.first);
    });
  });
}

/** Columns of a tile times a panel; what comes out is added to `sums` (rows, 16). */
template <int ROWS> NOINLINE void multiplyFloats(const float *w, const float *x, int64_t columns, float *sums) {
  vf sum[ROWS][NT];
  UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] = loadf(sums + r * TILE_ROWS + t * W);
  for (int64_t c = 0; c < columns; c++, w += TILE_ROWS, x += ROWS) {
    vf column[NT];
    UNROLL for (int t = 0; t < NT; t++) column[t] = loadf(w + t * W);
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) sum[r][t] = fma(column[t], splat(x[r]), sum[r][t]);
  }
  UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int t = 0; t < NT; t++) storef(sums + r * TILE_ROWS + t * W, sum[r][t]);
}

/** Many rows in float32. */
template <int STORED> void multiplyTileFloats(const PackedProduct &p, int64_t tile, uint8_t *room) {
  const PackedLayout layout = p.layout;
  const Activations &a = p.activations;
  const int64_t atOnce = groupsAtOnce(layout, p.rounding), widest = roundUp(least(layout.group, layout.columns), layout.unit());
  float *weights = reinterpret_cast<float *>(room), *sums = weights + atOnce * widest * TILE_ROWS;
  memset(sums, 0, size_t(p.m * TILE_ROWS * 4));
  for (int64_t first = 0; first < a.groups; first += atOnce) {
    const int64_t end = least(a.groups, first + atOnce);
    float *to = weights;
    for (int64_t g = first; g < end; g++) {
      const uint8_t *at = p.stream + tile * layout.tileBytes() + layout.groupStart(g);
      unpackToFloats<STORED>(to, at + layout.headBytes(), layout.padded(g), headOf<true>(at, layout, p.constant), layout.shiftKind == 2);
      to += layout.padded(g) * TILE_ROWS;
    }
    a.panels.each([&](Panel panel) {
      const float *x = reinterpret_cast<const float *>(a.panel(panel.first)) + first * widest * panel.rows;
      withRows<UNPACKED_ROWS>(panel.rows, [&](auto rows) { multiplyFloats<rows.value>(weights, x, (to - weights) / TILE_ROWS, sums + panel.first * TILE_ROWS); });
    });
  }
  for (int64_t row = 0; row < p.m; row++) {
    vf sum[NT];
    UNROLL for (int t = 0; t < NT; t++) sum[t] = loadf(sums + row * TILE_ROWS + t * W);
    writeTile(p, row, tile, sum);
  }
}

template <int STORED, bool TABLE> INLINE void multiplyWords(const PackedProduct &p, int64_t tile, uint8_t *room, const Table16 &table) {
  if constexpr (TABLE)
    if (p.many()) return multiplyTileMany<STORED, WORDS_FOR_TABLE>(p, tile, room, table);
  auto run = p.shifted() ? multiplyTileWords<STORED, TABLE, true> : multiplyTileWords<STORED, TABLE, false>;
  for (int64_t row = 0; row < p.m; row++) run(p, tile, row, table);
}

template <int STORED> INLINE void multiplyStored(const PackedProduct &p, int64_t tile, uint8_t *room, const Table16 &table) {
  constexpr bool narrow = STORED != 8;
  switch (p.rounding) {
    case BYTES:
      if constexpr (narrow || WIDE_DOT) multiplyBytes<STORED, false>(p, tile, room, table);
      return;
    case SPLIT_BYTES:
      if constexpr (narrow || WIDE_DOT) multiplyBytes<STORED, true>(p, tile, room, table);
      return;
    case SPLIT_WORDS:
      if constexpr (!narrow) multiplyWords<STORED, false>(p, tile, room, table);
      return;
    case FLOATS:
      if constexpr (!WIDE_DOT) multiplyTileFloats<STORED>(p, tile, room);
      return;
    case WORDS_FOR_TABLE:
      if constexpr (narrow) multiplyWords<STORED, true>(p, tile, room, table);
  }
}

/** One row: tiles from all places of the stream in turns. */
template <int STORED> INLINE void multiplyPlaces(const PackedProduct &p, int64_t tile) {
  if constexpr (STORED != 8 || WIDE_DOT) {
    const int64_t apart = p.layout.tiles() / PLACES;
    if (p.rounding == BYTES) {
      if (p.shifted()) multiplyTileBytes<STORED, 1, false, true, PLACES>(p, tile, apart, 0);
      else multiplyTileBytes<STORED, 1, false, false, PLACES>(p, tile, apart, 0);
    } else {
      if (p.shifted()) multiplyTileBytes<STORED, 1, true, true, PLACES>(p, tile, apart, 0);
      else multiplyTileBytes<STORED, 1, true, false, PLACES>(p, tile, apart, 0);
    }
  }
}

void linearPacked(const Call &call, Member &member) {
  size_t needed;
  PackedProduct p = packedProductOf(call, member.parts(), member.scratch, &needed);
  const PackedLayout &layout = p.layout;
  if (p.m == 0 || layout.rows == 0) return;
  if (layout.columns == 0) {
    if (!p.accumulate) memset(p.y, 0, size_t(p.m * layout.rows * 4));
    return;
  }
  const Table16 table = p.table != nullptr ? tableOf(p.table, layout.bits) : Table16{{}, {}, 1};
  const Panels &panels = p.activations.panels;
  // About 4096 activations a turn.
  const int64_t atOnce = panels.most * most(1, 4096 / (layout.columns * panels.most));
  member.share(ceilDivide(p.m, atOnce), [&](int64_t item) {
    panels.each(item * atOnce, (item + 1) * atOnce,
                [&](Panel panel) { roundPanel(p.activations, layout, p.x, panel, table.unit, p.shifted() ? 1 : -p.constant); });
  });
  member.barrier();
  uint8_t *room = p.room + p.roomBytes * member.part;
  const int64_t places = p.places();
  if (places > 1) {
    member.share(layout.tiles() / places, [&](int64_t tile) {
      switch (layout.stored()) {
        case 2: multiplyPlaces<2>(p, tile); break;
        case 3: multiplyPlaces<3>(p, tile); break;
        case 4: multiplyPlaces<4>(p, tile); break;
        default: multiplyPlaces<8>(p, tile);
      }
    });
    return;
  }
  const int64_t tilesAtOnce = p.many() ? 1 : 4;
  member.share(ceilDivide(layout.tiles(), tilesAtOnce), [&](int64_t item) {
    for (int64_t tile = item * tilesAtOnce; tile < least(layout.tiles(), (item + 1) * tilesAtOnce); tile++) {
      switch (layout.stored()) {
        case 2: multiplyStored<2>(p, tile, room, table); break;
        case 3: multiplyStored<3>(p, tile, room, table); break;
        case 4: multiplyStored<4>(p, tile, room, table); break;
        default: multiplyStored<8>(p, tile, room, table);
      }
    }
  });
}

size_t linearPackedScratch(const Call &call, int parts) {
  size_t needed = 0;
  packedProductOf(call, parts, nullptr, &needed);
  return needed + 256;
}

}  // namespace
