// Compiled once for every instruction set: everything inside is private to its copy.
#include "attention.h"
#include "gemm.h"
#include "linear-dense.h"
#include "packed.h"
#include "packing.h"
#include "rans.h"
#include "segment-attention.h"
#include "training-rows.h"

#if defined(TERSOR_AVX512)
#define TABLE avx512Table
#define NAME "avx512"
#elif defined(TERSOR_AVX2)
#define TABLE avx2Table
#define NAME "avx2"
#elif defined(TERSOR_NEON)
#define TABLE neonTable
#define NAME "neon"
#else
#define TABLE baselineTable
#define NAME "baseline"
#endif

namespace tersor {

// Rough: they only decide whether another thread is worth waking.
namespace {
double perElement(const Call &call, double nanoseconds, int from, int to) {
  for (int i = from; i < to; i++) nanoseconds *= call.number[i];
  return nanoseconds;
}
}  // namespace

extern const KernelTable TABLE;
const KernelTable TABLE = {
    NAME,
    {
        {gemm, gemmScratch, [](const Call &c) { return perElement(c, c.number[1] <= 4 ? 0.2 : 0.03, 0, 4); }},
        {convert, noScratch, [](const Call &c) { return c.number[0] * 0.4; }},
        {unary, noScratch, [](const Call &c) { return c.number[1] * 0.5; }},
        {binary, noScratch, [](const Call &c) { return perElement(c, 0.4, 1, 3); }},
        {softmax, noScratch, [](const Call &c) { return perElement(c, 0.7, 0, 2); }},
        {rmsNorm, noScratch, [](const Call &c) { return perElement(c, 0.4, 0, 2); }},
        {rotate, noScratch, [](const Call &c) { return c.number[0] * c.number[2] * 0.5; }},
        {reduce, noScratch, [](const Call &c) { return perElement(c, 0.2, 1, 4); }},
        {topK, topKScratch, [](const Call &c) { return perElement(c, 0.3, 0, 2); }},
        {transpose, noScratch, [](const Call &c) { return perElement(c, 0.5, 0, 4); }},
        {hadamard, noScratch, [](const Call &c) { return perElement(c, 1, 0, 2); }},
        {attention, attentionScratch, attentionCost},
        {pack, packScratch, [](const Call &c) { return perElement(c, 2, 0, 2); }},
        {unpack, packScratch, [](const Call &c) { return c.number[1] * (c.number[7] - c.number[6]) * 2; }},
        {linearPacked, linearPackedScratch, [](const Call &c) { return perElement(c, 0.02, 0, 3) + perElement(c, 0.02, 1, 3); }},
        {linearDense, linearDenseScratch, [](const Call &c) { return perElement(c, c.number[0] <= 4 ? 0.1 : 0.03, 0, 3); }},
        {linearTwoOfFour, linearTwoOfFourScratch, [](const Call &c) { return perElement(c, c.number[0] <= 4 ? 0.1 : 0.03, 0, 3); }},
        {unpackBits, noScratch, [](const Call &c) { return perElement(c, 0.3, 0, 2); }},
        {ransDecode, ransScratch, [](const Call &c) { return c.number[2] * 1.0; }},
        {segmentAttention, segmentAttentionScratch, segmentAttentionCost},
        {attentionBackward, attentionBackwardScratch, [](const Call &c) { return 2.5 * segmentAttentionCost(c); }},
        {rmsNormBackward, noScratch, [](const Call &c) { return perElement(c, 0.6, 0, 2); }},
        {swiglu, noScratch, [](const Call &c) { return c.number[0] * 0.7; }},
        {swigluBackward, noScratch, [](const Call &c) { return c.number[0] * 1.0; }},
        {crossEntropy, noScratch, [](const Call &c) { return perElement(c, 0.7, 0, 2); }},
    },
};

}  // namespace tersor
