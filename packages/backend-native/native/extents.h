// How many bytes each tensor of a call must have, and which numbers are allowed: what stands between a wrong
// call and a crash. Sizes are multiplied as doubles, which cannot overflow and are exact where it matters.
#pragma once
#include <math.h>

#include "packed/layout.h"

namespace tersor {

struct Signature {
  const char *name;
  int tensors;
  int scalars;
  /** Fills `needed` and returns −1, or the index of a scalar that is out of range. */
  int (*check)(const Call &, double *needed);
};

namespace {

constexpr double LARGEST = 9007199254740992.0;

bool isSize(double x) { return x >= 0 && x < LARGEST && x == floor(x); }

/** −1 where the numbers from one to another are whole and within bounds. */
int sizes(const Call &c, int from, int to) {
  for (int i = from; i < to; i++)
    if (!isSize(c.number[i])) return i;
  return -1;
}

bool below(double x, double bound) { return isSize(x) && x < bound; }

double floatSize(double code) { return code == 0 ? 4 : code <= 2 ? 2 : 1; }
double scaleSize(double code) { return code == 0 ? 4 : 2; }

double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }
double times(double a, double b, double c) { return times(times(a, b), c); }
double over(double a, double b) { return ceil(a / b); }

}  // namespace

/** For each primitive of call.h the function of its name. */
namespace extents {
namespace {

int gemm(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 8); bad >= 0) return bad;
  if (c.number[7] > 15) return 7;
  const double batch = c.number[0], m = c.number[1], n = c.number[2], k = c.number[3];
  auto extent = [&](double stride, double size) { return batch == 0 || size == 0 ? 0 : 4 * ((batch - 1) * stride + size); };
  need[0] = extent(c.number[6], times(m, n));
  // Nothing is read where there is nothing to write.
  need[1] = need[0] == 0 ? 0 : extent(c.number[4], times(m, k));
  need[2] = need[0] == 0 ? 0 : extent(c.number[5], times(k, n));
  if (batch > 1 && need[0] > 0 && c.number[6] < m * n) return 6;
  return -1;
}
int convert(const Call &c, double *need) {
  if (!isSize(c.number[0])) return 0;
  if (!below(c.number[1], 5)) return 1;
  if (!below(c.number[2], 5)) return 2;
  need[0] = c.number[0] * floatSize(c.number[2]);
  need[1] = c.number[0] * floatSize(c.number[1]);
  return -1;
}
int unary(const Call &c, double *need) {
  if (!below(c.number[0], 10)) return 0;
  if (!isSize(c.number[1])) return 1;
  need[0] = need[1] = 4 * c.number[1];
  return -1;
}
int binary(const Call &c, double *need) {
  if (!below(c.number[0], 5)) return 0;
  if (int bad = sizes(c, 1, 7); bad >= 0) return bad;
  if (c.number[4] > 1) return 4;
  if (c.number[6] > 1) return 6;
  const double outer = c.number[1], inner = c.number[2];
  if (outer == 0 || inner == 0) return -1;
  need[0] = 4 * outer * inner;
  need[1] = 4 * ((outer - 1) * c.number[3] + (inner - 1) * c.number[4] + 1);
  need[2] = 4 * ((outer - 1) * c.number[5] + (inner - 1) * c.number[6] + 1);
  return -1;
}
int softmax(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 2); bad >= 0) return bad;
  need[0] = need[1] = 4 * times(c.number[0], c.number[1]);
  return -1;
}
int rmsNorm(const Call &c, double *need) {
  if (int bad = softmax(c, need); bad >= 0) return bad;
  need[2] = c.number[0] == 0 ? 0 : 4 * c.number[1];
  return -1;
}
int layerNorm(const Call &c, double *need) {
  if (int bad = rmsNorm(c, need); bad >= 0) return bad;
  need[3] = c.tensor[3] == nullptr ? 0 : need[2];
  return -1;
}
int rotate(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 7); bad >= 0) return bad;
  const double rows = c.number[0], tokens = c.number[1], headDim = c.number[2], pairs = c.number[3];
  if (rows > 0 && tokens == 0) return 1;
  if (pairs > 0 && (pairs - 1) * c.number[4] + c.number[5] >= headDim) return 3;
  need[0] = need[1] = 4 * times(rows, headDim);
  if (c.number[6] < 1) return 6;
  const double positions = over(rows, c.number[6]);
  need[2] = need[3] = rows == 0 ? 0 : 4 * times(positions < tokens ? positions : tokens, pairs);
  return -1;
}
int reduce(const Call &c, double *need) {
  if (!below(c.number[0], 4)) return 0;
  if (int bad = sizes(c, 1, 4); bad >= 0) return bad;
  need[0] = 4 * times(c.number[1], c.number[3]);
  need[1] = 4 * times(c.number[1], c.number[2], c.number[3]);
  return -1;
}
int topK(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 3); bad >= 0) return bad;
  if (c.number[1] >= 2147483648.0) return 1;
  if (c.number[2] > c.number[1]) return 2;
  need[0] = need[1] = 4 * times(c.number[0], c.number[2]);
  need[2] = 4 * times(c.number[0], c.number[1]);
  return -1;
}
int transpose(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 4); bad >= 0) return bad;
  need[0] = need[1] = 4 * times(times(c.number[0], c.number[1]), times(c.number[2], c.number[3]));
  return -1;
}
int hadamard(const Call &c, double *need) {
  if (int bad = softmax(c, need); bad >= 0) return bad;
  need[2] = c.tensor[2] == nullptr || c.number[0] == 0 ? 0 : 4 * c.number[1];
  return -1;
}
// heads, kvHeads, queries, headDim, length, capacity, type, group, scaleType, shiftKind, constant, scale, causal, window, softcap
int attention(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 6); bad >= 0) return bad;
  const double heads = c.number[0], kvHeads = c.number[1], queries = c.number[2], headDim = c.number[3];
  const double length = c.number[4], capacity = c.number[5], type = c.number[6], group = c.number[7];
  if (heads > 0 && (kvHeads == 0 || fmod(heads, kvHeads) != 0)) return 1;
  if (length > capacity) return 4;
  if (!below(type, 4)) return 6;
  const bool codes = type >= 2;
  if (codes && (!isSize(group) || group < 1)) return 7;
  if (codes && !below(c.number[8], 2)) return 8;
  if (codes && !below(c.number[9], 4)) return 9;
  if (!isSize(c.number[13])) return 13;
  if (!(c.number[14] >= 0)) return 14;
  const double q = 4 * times(heads, queries, headDim);
  if (times(heads, queries) == 0) return -1;
  // (kvHeads, capacity, …), of which the last head needs only what is in use.
  const double tokens = length == 0 ? 0 : (kvHeads - 1) * capacity + length;
  const double row = type == 0 ? 4 * headDim : type == 1 ? 2 * headDim : type == 2 ? headDim : over(headDim, 2);
  need[0] = need[2] = q;
  need[1] = c.tensor[1] == nullptr ? 0 : 4 * heads * queries;
  need[3] = need[4] = tokens * row;
  if (codes) {
    const double numbers = tokens * over(headDim, group);
    need[5] = need[6] = numbers * scaleSize(c.number[8]);
    if (c.number[9] == 1) need[7] = need[8] = numbers;
    if (c.number[9] == 2) need[7] = need[8] = numbers * scaleSize(c.number[8]);
  }
  need[9] = c.tensor[9] == nullptr ? 0 : 4 * tokens;
  return -1;
}

/** rows, columns, bits, group, scaleType, shiftKind from `at`. */
int checkLayout(const Call &c, int at) {
  if (int bad = sizes(c, at, at + 6); bad >= 0) return bad;
  if (c.number[at + 2] < 1 || c.number[at + 2] > 8) return at + 2;
  if (c.number[at + 3] < 1) return at + 3;
  if (c.number[at + 4] > 1) return at + 4;
  if (c.number[at + 5] > 3) return at + 5;
  return -1;
}

double packedBytes(double rows, double columns, double bits, double group, double scaleType, double shiftKind) {
  Call c{};
  const double given[] = {rows, columns, bits, group, scaleType, shiftKind};
  for (int i = 0; i < 6; i++) c.number[i] = given[i];
  if (checkLayout(c, 0) >= 0 || times(rows, columns) > 1e15 || rows > 1e12 || columns > 1e12) return 0;
  const PackedLayout layout{c.size(0), c.size(1), c.size(2), c.size(3), c.size(4), c.size(5)};
  // Padding would more than double groups that are this short.
  const int64_t length = least(layout.group, layout.columns);
  if (length < layout.columns && roundUp(length, layout.unit()) > 2 * length) return 0;
  return double(layout.tiles()) * double(layout.tileBytes());
}

double packedBytes(const Call &c, int at) {
  return packedBytes(c.number[at], c.number[at + 1], c.number[at + 2], c.number[at + 3], c.number[at + 4], c.number[at + 5]);
}

/** Codes, scales and shifts as they are in files, of so many rows. */
void canonical(const Call &c, int at, double rows, double *codes, double *scale, double *shift) {
  const double numbers = times(rows, over(c.number[at + 1], c.number[at + 3]));
  *codes = times(rows, over(c.number[at + 1] * c.number[at + 2], 8));
  *scale = numbers * scaleSize(c.number[at + 4]);
  *shift = c.number[at + 5] == 1 ? numbers : c.number[at + 5] == 2 ? *scale : 0;
}
int pack(const Call &c, double *need) {
  if (int bad = checkLayout(c, 0); bad >= 0) return bad;
  need[0] = packedBytes(c, 0);
  if (need[0] == 0 && times(c.number[0], c.number[1]) > 0) return 3;
  canonical(c, 0, c.number[0], &need[1], &need[2], &need[3]);
  return -1;
}
int unpack(const Call &c, double *need) {
  if (int bad = checkLayout(c, 0); bad >= 0) return bad;
  if (int bad = sizes(c, 6, 8); bad >= 0) return bad;
  if (c.number[6] > c.number[7] || c.number[7] > c.number[0]) return 7;
  need[3] = packedBytes(c, 0);
  if (need[3] == 0 && times(c.number[0], c.number[1]) > 0) return 3;
  canonical(c, 0, c.number[7] - c.number[6], &need[0], &need[1], &need[2]);
  return -1;
}
// m, n, k, bits, group, scaleType, shiftKind, constant, precision, accumulate
int linearPacked(const Call &c, double *need) {
  if (!isSize(c.number[0])) return 0;
  if (int bad = checkLayout(c, 1); bad >= 0) return bad;
  if (c.tensor[3] != nullptr && c.number[3] > 4) return 3;
  need[2] = packedBytes(c, 1);
  if (need[2] == 0 && times(c.number[1], c.number[2]) > 0) return 4;
  need[0] = 4 * times(c.number[0], c.number[1]);
  need[1] = 4 * times(c.number[0], c.number[2]);
  need[3] = c.tensor[3] == nullptr ? 0 : 4 * ldexp(1, int(c.number[3]));
  return -1;
}
int linearDense(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 3); bad >= 0) return bad;
  if (!below(c.number[3], 5)) return 3;
  need[0] = 4 * times(c.number[0], c.number[1]);
  need[1] = 4 * times(c.number[0], c.number[2]);
  need[2] = times(c.number[1], c.number[2], floatSize(c.number[3]));
  return -1;
}
int linearTwoOfFour(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 3); bad >= 0) return bad;
  if (fmod(c.number[2], 4) != 0) return 2;
  if (!below(c.number[3], 2)) return 3;
  need[0] = 4 * times(c.number[0], c.number[1]);
  need[1] = 4 * times(c.number[0], c.number[2]);
  need[2] = times(c.number[1], c.number[2] / 2, floatSize(c.number[3]));
  need[3] = times(c.number[1], over(c.number[2], 8));
  return -1;
}
int unpackBits(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 4); bad >= 0) return bad;
  if (c.number[2] < 1 || c.number[2] > 16) return 2;
  if (c.number[3] < 1 || c.number[3] > 2 || c.number[2] > 8 * c.number[3]) return 3;
  need[0] = times(c.number[0], c.number[1], c.number[3]);
  need[1] = times(c.number[0], over(c.number[1] * c.number[2], 8));
  return -1;
}
// chunks, chunkSymbols, size, precision, lanes, streamBytes
int ransDecode(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 6); bad >= 0) return bad;
  if (c.number[3] > 12) return 3;
  if (c.number[4] < 1 || c.number[4] > 65536) return 4;
  if (times(c.number[0], c.number[1]) < c.number[2]) return 2;
  need[0] = c.number[2];
  need[1] = 4;
  need[2] = c.number[5];
  need[3] = 512;
  need[4] = 4 * (c.number[0] + 1);
  return -1;
}

// rows, heads, kvHeads, headDim, segments, longest, scale
int segments(const Call &c, double *q, double *kv, double *borders) {
  if (int bad = sizes(c, 0, 6); bad >= 0) return bad;
  if (c.number[1] > 0 && (c.number[2] == 0 || fmod(c.number[1], c.number[2]) != 0)) return 2;
  if (c.number[5] > c.number[0]) return 5;
  *q = 4 * times(c.number[0], c.number[1], c.number[3]);
  *kv = 4 * times(c.number[0], c.number[2], c.number[3]);
  *borders = 4 * (c.number[4] + 1);
  return -1;
}
int segmentAttention(const Call &c, double *need) {
  double q, kv;
  if (int bad = segments(c, &q, &kv, &need[4]); bad >= 0) return bad;
  need[0] = need[1] = q;
  need[2] = need[3] = kv;
  return -1;
}
int attentionBackward(const Call &c, double *need) {
  double q, kv;
  if (int bad = segments(c, &q, &kv, &need[8]); bad >= 0) return bad;
  need[0] = need[3] = need[6] = need[7] = q;
  need[1] = need[2] = need[4] = need[5] = kv;
  return -1;
}
// rows, columns, epsilon, height
int rmsNormBackward(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 2); bad >= 0) return bad;
  if (!isSize(c.number[3]) || c.number[3] < 1) return 3;
  const double x = 4 * times(c.number[0], c.number[1]);
  need[0] = need[2] = need[4] = x;
  need[1] = 4 * times(over(c.number[0], c.number[3]), c.number[1]);
  need[3] = c.number[0] == 0 ? 0 : 4 * c.number[1];
  need[5] = c.tensor[5] == nullptr ? 0 : x;
  return -1;
}
/** So many tensors of one size. */
int maps(const Call &c, double *need, int tensors) {
  if (!isSize(c.number[0])) return 0;
  for (int i = 0; i < tensors; i++) need[i] = 4 * c.number[0];
  return -1;
}
int swiglu(const Call &c, double *need) { return maps(c, need, 3); }
int swigluBackward(const Call &c, double *need) { return maps(c, need, 6); }
int crossEntropy(const Call &c, double *need) {
  if (int bad = sizes(c, 0, 2); bad >= 0) return bad;
  need[0] = need[3] = need[4] = 4 * c.number[0];
  need[1] = need[2] = 4 * times(c.number[0], c.number[1]);
  return -1;
}

}  // namespace
}  // namespace extents

namespace {

const Signature signatures[PRIMITIVES] = {
#define TERSOR_SIGNATURE(name, outputs, inputs, scalars) {#name, outputs + inputs, scalars, extents::name},
    TERSOR_PRIMITIVES(TERSOR_SIGNATURE)
#undef TERSOR_SIGNATURE
};

}  // namespace
}  // namespace tersor
