// Attention, block of keys by block of keys, with a running maximum: scores never leave the cache.
//
// Few queries for each head of keys stream keys and values once, in pieces of fixed length that are merged
// afterwards; many go through the packed tiles of a matrix product.
#pragma once
#include "attention/coded-cache.h"

namespace {

// ---- the running softmax of one row

struct Running {
  float max, sum;
};

/** The keys of a block that a row sees. */
struct Seen {
  int64_t from, until;

  Seen(const Attention &a, int64_t row, int64_t first, int64_t count)
      : from(most(0, least(count, a.from(row) - first))), until(most(from, least(count, a.until(row) - first))) {}
};

/** s = softcap · tanh(s · factor) */
NOINLINE void capScores(float *s, int64_t count, float factor, float softcap) {
  int64_t i = 0;
  for (; i + W <= count; i += W) storef(s + i, tanhv(loadf(s + i) * factor) * softcap);
  if (i < count) storePart(s + i, tanhv(loadPart(s + i, int(count - i)) * factor) * softcap, int(count - i));
}

/**
 * Turns the scores of keys that are seen into weights relative to the running maximum, the others up to `count`
 * into 0, and returns what everything before is to be multiplied by.
 */
float updateRow(const Attention &a, float *all, Seen keys, int64_t count, const float *logWeights, Running &state) {
  const float lowest = -__builtin_inff();
  float *s = all + keys.from, scale = a.scale;
  const float *logWeight = logWeights == nullptr ? nullptr : logWeights + keys.from;
  const int64_t seen = keys.until - keys.from;
  if (keys.from > 0) memset(all, 0, size_t(4 * keys.from));
  if (a.softcap > 0) {
    capScores(s, seen, scale / a.softcap, a.softcap);
    scale = 1;
  }
  if (logWeight == nullptr) scaleBy(s, seen, scale);
  else {
    int64_t i = 0;
    for (; i + W <= seen; i += W) {
      vf w = loadf(logWeight + i);
      storef(s + i, w == lowest ? w : fma(loadf(s + i), splat(scale), w));
    }
    for (; i < seen; i++) s[i] = logWeight[i] == lowest ? lowest : fma(splat(s[i]), splat(scale), splat(logWeight[i]))[0];
  }
  const float top = largestOf(s, seen);
  const float max = top > state.max ? top : state.max;
  // Where nothing is seen, exp(−∞ − 0) adds up to 0; a score that is not a number still shows.
  const float shift = max == lowest ? 0 : max;
  const float before = state.max == lowest ? 0 : expf(state.max - shift);
  state.sum = state.sum * before + expSum(s, s, seen, shift);
  state.max = max;
  if (keys.until < count) memset(all + keys.until, 0, size_t(4 * (count - keys.until)));
  return before;
}

INLINE void finishRow(const Attention &a, int64_t row, const float *o, Running state) {
  float *to = a.o + row * a.headDim;
  if (state.sum == 0) memset(to, 0, size_t(4 * a.headDim));
  else {
    const float inverse = 1 / state.sum;
    for (int64_t i = 0; i < a.headDim; i++) to[i] = o[i] * inverse;
  }
  if (a.lse != nullptr) a.lse[row] = state.sum == 0 ? -__builtin_inff() : (state.max == -__builtin_inff() ? 0 : state.max) + logf(state.sum);
}

// ---- few queries

/** What a thread holds while it streams, and what it leaves of a piece. */
struct FewRoom {
  float *keys, *numbers, *scores;
  CodedRoom coded;
};

INLINE int64_t pieceFloats(const Attention &a) { return a.rows() * (a.headDim + 2); }

// One or two rows of queries meet keys and values as they are stored: nothing is widened into memory. Rows of a
// cache are read in several places at once, as one alone leaves bandwidth unused, where reading is all there is to it.

/** Places in which a block of keys or values is read. */
constexpr int READ_PLACES = 4;

template <int TYPE> INLINE vf cached(const uint8_t *row, int64_t i) {
  if constexpr (TYPE == CACHE_F32) return load<vf>(row + 4 * i);
  return fromHalf(reinterpret_cast<const uint16_t *>(row + 2 * i));
}

/** Fetches one row from each place. */
INLINE void fetchRows(const uint8_t *p, int64_t apart, int64_t rowBytes) {
  for (int place = 0; place < READ_PLACES; place++)
    for (int64_t line = 0; line < rowBytes; line += 64) prefetch(p + place * apart + line);
}

/** Scores of R keys, `step` from each other, with M rows of queries. */
template <int TYPE, int M, int R>
INLINE void scoreKeys(float *scores, const float *q, int64_t d, const uint8_t *keys, int64_t rowBytes, int64_t step) {
  const int64_t apart = step * rowBytes;
  vf total[M][R] = {};
  for (int64_t i = 0; i < d; i += W) {
    vf x[M];
    UNROLL for (int m = 0; m < M; m++) x[m] = loadf(q + m * d + i);
    UNROLL for (int r = 0; r < R; r++) {
      vf v = cached<TYPE>(keys + r * apart, i);
      UNROLL for (int m = 0; m < M; m++) total[m][r] = fma(x[m], v, total[m][r]);
    }
  }
  UNROLL for (int m = 0; m < M; m++) {
    if constexpr (R == 4) {
      const f4 sums = sumOf4(total[m][0], total[m][1], total[m][2], total[m][3]);
      for (int r = 0; r < 4; r++) scores[m * FEW_KEYS + r * step] = sums[r];
    }
    else scores[m * FEW_KEYS] = sumOf(total[m][0]);
  }
}

/** o (M, d) += weights (M, R) · R rows of values, `step` from each other. */
template <int TYPE, int M, int R>
INLINE void addValues(float *o, const float *weights, int64_t d, const uint8_t *values, int64_t rowBytes, int64_t step) {
  const int64_t apart = step * rowBytes;
  vf w[M][R];
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int r = 0; r < R; r++) w[m][r] = splat(weights[m * FEW_KEYS + r * step]);
  for (int64_t i = 0; i < d; i += W) {
    vf sum[M];
    UNROLL for (int m = 0; m < M; m++) sum[m] = loadf(o + m * d + i);
    UNROLL for (int r = 0; r < R; r++) {
      vf v = cached<TYPE>(values + r * apart, i);
      UNROLL for (int m = 0; m < M; m++) sum[m] = fma(w[m][r], v, sum[m]);
    }
    UNROLL for (int m = 0; m < M; m++) storef(o + m * d + i, sum[m]);
  }
}

/** The rows that are worked on next are fetched meanwhile: at the end of keys the first values, then the keys of the next block. */
template <int TYPE, int M> struct Direct {
  __attribute__((noinline)) static void scores(const Attention &a, float *out, const float *q, int64_t row, int64_t count) {
    const int64_t bytes = a.rowBytes(), step = count / READ_PLACES;
    const uint8_t *keys = a.tensors[0] + row * bytes, *values = a.tensors[1] + row * bytes;
    for (int64_t j = 0; j < step; j++) {
      fetchRows(j + 1 < step ? keys + (j + 1) * bytes : values, step * bytes, bytes);
      scoreKeys<TYPE, M, READ_PLACES>(out + j, q, a.headDim, keys + j * bytes, bytes, step);
    }
    for (int64_t j = READ_PLACES * step; j < count; j++) scoreKeys<TYPE, M, 1>(out + j, q, a.headDim, keys + j * bytes, bytes, 1);
  }
  __attribute__((noinline)) static void sums(const Attention &a, float *o, const float *weights, int64_t row, int64_t count) {
    const int64_t bytes = a.rowBytes(), step = count / READ_PLACES;
    const uint8_t *values = a.tensors[1] + row * bytes, *keys = a.tensors[0] + (row + count) * bytes;
    for (int64_t j = 0; j < step; j++) {
      fetchRows(j + 1 < step ? values + (j + 1) * bytes : keys, step * bytes, bytes);
      addValues<TYPE, M, READ_PLACES>(o, weights + j, a.headDim, values + j * bytes, bytes, step);
    }
    for (int64_t j = READ_PLACES * step; j < count; j++) addValues<TYPE, M, 1>(o, weights + j, a.headDim, values + j * bytes, bytes, 1);
  }
};

/** The two steps of a block of keys, for whichever type and rows. */
struct Steps {
  void (*scores)(const Attention &, float *, const float *, int64_t, int64_t);
  void (*sums)(const Attention &, float *, const float *, int64_t, int64_t);
};
template <int TYPE> INLINE Steps stepsFor(int64_t rows) {
  if (rows == 1) return {Direct<TYPE, 1>::scores, Direct<TYPE, 1>::sums};
  return {Direct<TYPE, 2>::scores, Direct<TYPE, 2>::sums};
}
INLINE Steps directSteps(const Attention &a) { return a.type == CACHE_F32 ? stepsFor<CACHE_F32>(a.rows()) : stepsFor<CACHE_F16>(a.rows()); }

void streamPiece(const Attention &a, int64_t head, int64_t piece, const FewRoom &room, float *left) {
  const int64_t rows = a.rows(), d = a.headDim;
  float *o = left;
  Running *states = reinterpret_cast<Running *>(left + rows * d);
  for (int64_t r = 0; r < rows; r++) states[r] = {-__builtin_inff(), 0};
  const float *q = a.q + head * rows * d;
  int64_t visible = 0;
  for (int64_t r = 0; r < rows; r++) visible = most(visible, a.until(head * rows + r));
  const bool direct = a.direct();
  const Steps steps = directSteps(a);
  const CodedSteps codedSteps = codedStepsOf(a);
  const bool coded = meetsCodes(a) && codedSteps.round(a, room.coded, q);
  // What the weights of keys add up to, row by row.
  float *sums = coded ? room.coded.sums : o;
  const int64_t each = coded ? sumsOfRow(a) : d;
  memset(sums, 0, size_t(4 * rows * each));
  const int64_t start = a.unseen() + piece * PIECE, end = least(visible, start + PIECE), atOnce = coded ? CODED_KEYS : a.keysAtOnce();
  for (int64_t first = start; first < end; first += atOnce) {
    const int64_t count = least(atOnce, end - first), at = head * a.capacity + first;
    if (coded) {
      widenCoded(a, room.coded, 0, at, count);
      for (int64_t r = 0; r < rows; r++) codedSteps.scores(a, room.coded, r, at, count, room.scores + r * FEW_KEYS);
    } else if (direct) steps.scores(a, room.scores, q, at, count);
    else {
      const float *k = floatRows(a, 0, head, first, count, room.keys, room.numbers);
      for (int64_t r = 0; r < rows; r += 3)
        dotRowsFor<F32>(least(3, rows - r), room.scores + r * FEW_KEYS, FEW_KEYS, q + r * d, d, reinterpret_cast<const uint8_t *>(k), d * 4, count, d, false);
    }
    for (int64_t r = 0; r < rows; r++) {
      const Seen seen(a, head * rows + r, first, count);
      const float before = updateRow(a, room.scores + r * FEW_KEYS, seen, count, a.logWeight == nullptr ? nullptr : a.logWeight + at, states[r]);
      if (before != 1) scaleBy(sums + r * each, each, before);
    }
    if (coded) {
      widenCoded(a, room.coded, 1, at, count);
      for (int64_t r = 0; r < rows; r++) codedSteps.sums(a, room.coded, r, at, count, room.scores + r * FEW_KEYS);
    } else if (direct) steps.sums(a, o, room.scores, at, count);
    else {
      const float *v = floatRows(a, 1, head, first, count, room.keys, room.numbers);
      for (int64_t r = 0; r < rows; r += 4)
        addRowsFor(least(4, rows - r), o + r * d, d, room.scores + r * FEW_KEYS, FEW_KEYS, v, d, d, count);
    }
  }
  if (coded)
    for (int64_t r = 0; r < rows; r++) codedSteps.order(a, sums + r * each, o + r * d);
}

void mergePieces(const Attention &a, int64_t head, const float *pieces, float *o) {
  const int64_t rows = a.rows(), d = a.headDim, size = pieceFloats(a);
  for (int64_t r = 0; r < rows; r++) {
    auto state = [&](int64_t piece) { return reinterpret_cast<const Running *>(pieces + piece * size + rows * d)[r]; };
    if (a.pieces() == 1) {
      finishRow(a, head * rows + r, pieces + r * d, state(0));
      continue;
    }
    Running all{-__builtin_inff(), 0};
    for (int64_t i = 0; i < a.pieces(); i++) all.max = state(i).max > all.max ? state(i).max : all.max;
    memset(o, 0, size_t(4 * d));
    for (int64_t i = 0; i < a.pieces(); i++) {
      const float shift = all.max == -__builtin_inff() ? 0 : all.max;
      // A piece of which nothing is seen has a sum of 0, or of what is not a number.
      const float weight = state(i).max == -__builtin_inff() ? 1 : expf(state(i).max - shift);
      all.sum += state(i).sum * weight;
      for (int64_t j = 0; j < d; j++) o[j] += pieces[i * size + r * d + j] * weight;
    }
    finishRow(a, head * rows + r, o, all);
  }
}

// ---- many queries

struct ManyRoom {
  float *keys, *numbers, *queryPanels, *keyPanels, *weightPanels, *valuePanels, *scores, *o;
};

/** Up to QUERY_BLOCK rows of queries of one head of keys, from `row` on. */
void multiplyBlock(const Attention &a, int64_t head, int64_t row, int64_t rows, const ManyRoom &room) {
  const int64_t d = a.headDim, width = a.width();
  Running states[QUERY_BLOCK];
  int64_t begin = a.length, visible = 0;
  for (int64_t r = 0; r < rows; r++) {
    states[r] = {-__builtin_inff(), 0};
    begin = least(begin, a.from(row + r));
    visible = most(visible, a.until(row + r));
  }
  memset(room.o, 0, size_t(4 * QUERY_BLOCK * width));
  for (int64_t r = 0; r < rows; r += MR) interleave<MR>(room.queryPanels + r * d, a.q + (row + r) * d, d, least(MR, rows - r), d);
  for (int64_t first = begin; first < visible; first += MANY_KEYS) {
    const int64_t count = least(MANY_KEYS, visible - first);
    const float *k = floatRows(a, 0, head, first, count, room.keys, room.numbers);
    for (int64_t j = 0; j < count; j += NR) {
      interleave<NR>(room.keyPanels, k + j * d, d, least(NR, count - j), d);
      for (int64_t r = 0; r < rows; r += MR)
        multiplyTile<false>(d, room.queryPanels + r * d, room.keyPanels, room.scores + r * MANY_KEYS + j, MANY_KEYS, false);
    }
    for (int64_t r = 0; r < rows; r++) {
      const Seen seen(a, row + r, first, count);
      const float before = updateRow(a, room.scores + r * MANY_KEYS, seen, count, a.logWeight == nullptr ? nullptr : a.logWeight + head * a.capacity + first, states[r]);
      if (before != 1) scaleBy(room.o + r * width, width, before);
    }
    for (int64_t r = 0; r < rows; r += MR)
      interleave<MR>(room.weightPanels + r * MANY_KEYS, room.scores + r * MANY_KEYS, MANY_KEYS, least(MR, rows - r), count);
    const float *v = floatRows(a, 1, head, first, count, room.keys, room.numbers);
    for (int64_t j = 0; j < d; j += NR) {
      copyLanes<NR>(room.valuePanels, v + j, d, least(NR, d - j), count);
      for (int64_t r = 0; r < rows; r += MR)
        multiplyTile<false>(count, room.weightPanels + r * MANY_KEYS, room.valuePanels, room.o + r * width + j, width, true);
    }
  }
  for (int64_t r = 0; r < rows; r++) finishRow(a, row + r, room.o + r * width, states[r]);
}

// ---- the call

/** What a thread has of the scratch. */
struct AttentionRoom {
  FewRoom few;
  ManyRoom many;
  float *merged;
  int64_t floats;
};

AttentionRoom attentionRoom(const Attention &a, float *at) {
  AttentionRoom room{};
  auto take = [&](int64_t floats) {
    float *from = at + room.floats;
    room.floats += roundUp(floats, 16);
    return from;
  };
  const int64_t keys = a.keysAtOnce(), rows = a.rows(), d = a.headDim;
  float *k = take(keys * d), *numbers = take(a.numbersRoom());
  if (a.few()) {
    room.few = {k, numbers, take(rows * FEW_KEYS), {}};
    if (meetsCodes(a)) room.few.coded = codedRoom(a, take);
    room.merged = take(d);
  } else {
    room.many = {k, numbers, take(QUERY_BLOCK * d), take(NR * d), take(QUERY_BLOCK * MANY_KEYS), take(NR * MANY_KEYS), take(QUERY_BLOCK * MANY_KEYS), take(QUERY_BLOCK * a.width())};
  }
  return room;
}

/** What all threads have of it: what few queries leave of their pieces. */
INLINE int64_t sharedFloats(const Attention &a) { return a.few() ? roundUp(a.kvHeads * a.pieces() * pieceFloats(a), 16) : 0; }

void attention(const Call &call, Member &member) {
  const Attention a = attentionOf(call);
  const int64_t rows = a.rows();
  if (a.heads == 0 || a.queries == 0) return;
  float *pieces = reinterpret_cast<float *>(member.scratch);
  const int64_t each = attentionRoom(a, nullptr).floats;
  const AttentionRoom room = attentionRoom(a, pieces + sharedFloats(a) + member.part * each);
  if (a.few()) {
    member.share(a.kvHeads * a.pieces(), [&](int64_t item) {
      streamPiece(a, item / a.pieces(), item % a.pieces(), room.few, pieces + item * pieceFloats(a));
    });
    member.barrier();
    member.share(a.kvHeads, [&](int64_t head) { mergePieces(a, head, pieces + head * a.pieces() * pieceFloats(a), room.merged); });
    return;
  }
  // Blocks of one head of queries where they fill one, so that causal ones end early; else of all that share the keys.
  const int64_t span = a.queries >= QUERY_BLOCK / 2 ? a.queries : rows, blocks = ceilDivide(span, QUERY_BLOCK);
  const int64_t spans = a.heads * a.queries / span;
  member.share(spans * blocks, [&](int64_t item) {
    const int64_t start = item / blocks * span + item % blocks * QUERY_BLOCK;
    multiplyBlock(a, start / rows, start, least(QUERY_BLOCK, item / blocks * span + span - start), room.many);
  });
}

size_t attentionScratch(const Call &call, int parts) {
  const Attention a = attentionOf(call);
  if (a.heads == 0 || a.queries == 0) return 0;
  return size_t(4 * (sharedFloats(a) + attentionRoom(a, nullptr).floats * parts));
}

double attentionCost(const Call &call) {
  // A query meets no more than a window, and what is read is what the queries together see.
  const double window = call.number[13] == 0 ? call.number[4] : call.number[13] * (call.number[12] != 0 ? 1 : 2);
  const double met = fmin(call.number[4], window), read = fmin(call.number[4], window + call.number[2]);
  return call.number[0] * call.number[2] * call.number[3] * met * 0.06 + call.number[1] * call.number[3] * read * 0.1;
}

}  // namespace
