// Compiled once for every instruction set: everything inside is private to its copy.
#include "attention/attention.h"
#include "coding/rans.h"
#include "coding/unpack-bits.h"
#include "elementwise.h"
#include "movement.h"
#include "packed/linear-packed.h"
#include "packed/pack.h"
#include "products/gemm.h"
#include "products/linear-dense.h"
#include "rows/reduce.h"
#include "rows/rows.h"
#include "training/rows.h"
#include "training/segment-attention.h"

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

constexpr KernelTable allKernels() {
  KernelTable table{NAME, {}};
  table[Primitive::gemm] = {gemm, gemmScratch, [](const Call &c) { return perElement(c, c.number[1] <= 4 ? 0.2 : 0.03, 0, 4); }};
  table[Primitive::linearDense] = {linearDense, linearDenseScratch, [](const Call &c) { return perElement(c, c.number[0] <= 4 ? 0.1 : 0.03, 0, 3); }};
  table[Primitive::linearTwoOfFour] = {linearTwoOfFour, linearTwoOfFourScratch, [](const Call &c) { return perElement(c, c.number[0] <= 4 ? 0.1 : 0.03, 0, 3); }};
  table[Primitive::convert] = {convert, noScratch, [](const Call &c) { return c.number[0] * 0.4; }};
  table[Primitive::unary] = {unary, noScratch, [](const Call &c) { return c.number[1] * 0.5; }};
  table[Primitive::binary] = {binary, noScratch, [](const Call &c) { return perElement(c, 0.4, 1, 3); }};
  table[Primitive::softmax] = {softmax, noScratch, [](const Call &c) { return perElement(c, 0.7, 0, 2); }};
  table[Primitive::rmsNorm] = {rmsNorm, noScratch, [](const Call &c) { return perElement(c, 0.4, 0, 2); }};
  table[Primitive::layerNorm] = {layerNorm, noScratch, [](const Call &c) { return perElement(c, 0.6, 0, 2); }};
  table[Primitive::rotate] = {rotate, noScratch, [](const Call &c) { return c.number[0] * c.number[2] * 0.5; }};
  table[Primitive::reduce] = {reduce, noScratch, [](const Call &c) { return perElement(c, 0.2, 1, 4); }};
  table[Primitive::topK] = {topK, topKScratch, [](const Call &c) { return perElement(c, 0.3, 0, 2); }};
  table[Primitive::hadamard] = {hadamard, noScratch, [](const Call &c) { return perElement(c, 1, 0, 2); }};
  table[Primitive::transpose] = {transpose, noScratch, [](const Call &c) { return perElement(c, 0.5, 0, 4); }};
  table[Primitive::attention] = {attention, attentionScratch, attentionCost};
  table[Primitive::pack] = {pack, packScratch, [](const Call &c) { return perElement(c, 2, 0, 2); }};
  table[Primitive::unpack] = {unpack, packScratch, [](const Call &c) { return c.number[1] * (c.number[7] - c.number[6]) * 2; }};
  table[Primitive::linearPacked] = {linearPacked, linearPackedScratch, [](const Call &c) { return perElement(c, 0.02, 0, 3) + perElement(c, 0.02, 1, 3); }};
  table[Primitive::unpackBits] = {unpackBits, noScratch, [](const Call &c) { return perElement(c, 0.3, 0, 2); }};
  table[Primitive::ransDecode] = {ransDecode, ransScratch, [](const Call &c) { return c.number[2] * 1.0; }};
  table[Primitive::segmentAttention] = {segmentAttention, segmentAttentionScratch, segmentAttentionCost};
  table[Primitive::attentionBackward] = {attentionBackward, attentionBackwardScratch, [](const Call &c) { return 2.5 * segmentAttentionCost(c); }};
  table[Primitive::rmsNormBackward] = {rmsNormBackward, noScratch, [](const Call &c) { return perElement(c, 0.6, 0, 2); }};
  table[Primitive::swiglu] = {swiglu, noScratch, [](const Call &c) { return c.number[0] * 0.7; }};
  table[Primitive::swigluBackward] = {swigluBackward, noScratch, [](const Call &c) { return c.number[0] * 1.0; }};
  table[Primitive::crossEntropy] = {crossEntropy, noScratch, [](const Call &c) { return perElement(c, 0.7, 0, 2); }};
  return table;
}

constexpr bool isWhole(const KernelTable &table) {
  for (const Kernel &kernel : table.kernels)
    if (kernel.run == nullptr) return false;
  return true;
}
}  // namespace

extern const KernelTable TABLE;
constexpr KernelTable TABLE = allKernels();
static_assert(isWhole(TABLE), "expected a kernel for every primitive of call.h");

}  // namespace tersor
