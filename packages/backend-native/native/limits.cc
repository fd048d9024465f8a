// Loops that do nothing but what bounds kernels: reading memory, and multiplying and adding in registers.
// Benches time them beside the kernels. They pick their own instruction set, as no device is meant.
#include "limits.h"

#include <atomic>
#include <string.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define X86 1
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tersor {
namespace {

/** Enough that no result is waited for, few enough for sixteen registers. */
constexpr int CHAINS = 12;
/** Memory is read in so many places at once, each of so many bytes: one place alone leaves a fifth of the bandwidth unused. */
constexpr int PLACES = 8;
constexpr int64_t RUN = 65536;

/** Where results go, so that nothing is left out. */
volatile uint64_t sink;

using Floats4 = float __attribute__((vector_size(16)));
using Bytes16 = uint64_t __attribute__((vector_size(16)));

/** Returns how many operations that was, as the others do. */
int64_t multiplyAddBaseline(int64_t times) {
  Floats4 chain[CHAINS]{};
  const Floats4 factor = Floats4{} + 0.5f, term = Floats4{} + 1.0f;
  for (int64_t t = 0; t < times; t++) {
#if defined(__aarch64__)
    _Pragma("GCC unroll 16") for (Floats4 &c : chain) c = vfmaq_f32(term, c, factor);
#else
    _Pragma("GCC unroll 16") for (Floats4 &c : chain) c = c * factor + term;
#endif
  }
  for (int i = 1; i < CHAINS; i++) chain[0] += chain[i];
  sink = uint64_t(chain[0][0]);
  return times * CHAINS * 4 * 2;
}

#if X86
__attribute__((target("avx2,fma"))) int64_t multiplyAddAvx2(int64_t times) {
  __m256 chain[CHAINS];
  for (__m256 &c : chain) c = _mm256_setzero_ps();
  const __m256 factor = _mm256_set1_ps(0.5f), term = _mm256_set1_ps(1.0f);
  for (int64_t t = 0; t < times; t++) {
    _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) chain[i] = _mm256_fmadd_ps(chain[i], factor, term);
  }
  for (int i = 1; i < CHAINS; i++) chain[0] = _mm256_add_ps(chain[0], chain[i]);
  sink = uint64_t(_mm256_cvtss_f32(chain[0]));
  return times * CHAINS * 8 * 2;
}

__attribute__((target("avx512f"))) int64_t multiplyAddAvx512(int64_t times) {
  __m512 chain[CHAINS];
  for (__m512 &c : chain) c = _mm512_setzero_ps();
  const __m512 factor = _mm512_set1_ps(0.5f), term = _mm512_set1_ps(1.0f);
  for (int64_t t = 0; t < times; t++) {
    _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) chain[i] = _mm512_fmadd_ps(chain[i], factor, term);
  }
  for (int i = 1; i < CHAINS; i++) chain[0] = _mm512_add_ps(chain[0], chain[i]);
  sink = uint64_t(_mm512_cvtss_f32(chain[0]));
  return times * CHAINS * 16 * 2;
}
#endif

int64_t multiplyAddHere(int64_t times) {
#if X86
  if (__builtin_cpu_supports("avx512f")) return multiplyAddAvx512(times);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiplyAddAvx2(times);
#endif
  return multiplyAddBaseline(times);
}

/** Reads 64 bytes in each of some places that lie `apart`, until the first one is `count` bytes on. Vectors of 16 bytes suffice: memory is slower. */
template <int N> void readBytes(const uint8_t *from, int64_t count, int64_t apart) {
  Bytes16 seen[4]{};
  for (int64_t at = 0; at + 64 <= count; at += 64) {
    for (int place = 0; place < N; place++) {
      for (int i = 0; i < 4; i++) {
        Bytes16 loaded;
        memcpy(&loaded, from + place * apart + at + 16 * i, 16);
        seen[i] |= loaded;
      }
    }
  }
  seen[0] |= seen[1] | seen[2] | seen[3];
  sink = seen[0][0] | seen[0][1];
}

double always(const Call &) { return 1e12; }

struct Done {
  std::atomic<int64_t> operations{0};
};

const Kernel reading = {
    [](const Call &call, Member &member) {
      const uint8_t *from = call.at<uint8_t>(0);
      const int64_t whole = call.size(0) / (PLACES * RUN);
      member.share(whole, [&](int64_t i) { readBytes<PLACES>(from + i * PLACES * RUN, RUN, RUN); });
      const int64_t rest = whole * PLACES * RUN;
      if (member.part == 0) readBytes<1>(from + rest, call.size(0) - rest, 0);
    },
    noScratch,
    always,
};

const Kernel multiplying = {
    [](const Call &call, Member &) { call.at<Done>(0)->operations += multiplyAddHere(call.size(0)); },
    noScratch,
    always,
};

}  // namespace

bool readMemory(const uint8_t *bytes, double count, int threads) {
  Call call{};
  call.tensor[0] = const_cast<uint8_t *>(bytes);
  call.number[0] = count;
  return runTeam(reading, call, threads);
}

double multiplyAdd(double times, int threads) {
  Done done;
  Call call{};
  call.tensor[0] = reinterpret_cast<uint8_t *>(&done);
  call.number[0] = times;
  return runTeam(multiplying, call, threads) ? double(done.operations.load()) : 0;
}

}  // namespace tersor
