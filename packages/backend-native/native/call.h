// What a kernel is given: addresses, numbers, and a team of threads that share the work.
#pragma once
#include <atomic>
#include <stddef.h>
#include <stdint.h>

// Units of different instruction sets share these types, so nothing in them may become a function of its own.
#define TERSOR_INLINE inline __attribute__((always_inline))

namespace tersor {

/** The arguments of one call. Absent tensors are null; sizes have been checked. */
struct Call {
  uint8_t *tensor[12];
  double number[16];
  template <class T> TERSOR_INLINE T *at(int i) const { return reinterpret_cast<T *>(tensor[i]); }
  TERSOR_INLINE int64_t size(int i) const { return static_cast<int64_t>(number[i]); }
  TERSOR_INLINE float real(int i) const { return static_cast<float>(number[i]); }
};

/** What the threads of one call share. */
struct Team {
  int parts = 1;
  std::atomic<int64_t> next{0};
  std::atomic<int> arrived{0};
  std::atomic<int> round{0};
};

void teamWait(Team &team);

/** One thread at work on a call. */
struct Member {
  Team *team;
  int part;
  /** Room for the whole call, as much as the kernel asked for. */
  uint8_t *scratch;
  int64_t base = 0;

  TERSOR_INLINE int parts() const { return team->parts; }

  /**
   * Runs f(i) for each i below count on whichever thread is free. What is computed must not depend
   * on which; `barrier` must separate two of these.
   */
  template <class F> TERSOR_INLINE void share(int64_t count, F f) {
    if (team->parts == 1) {
      for (int64_t i = 0; i < count; i++) f(i);
      return;
    }
    for (int64_t i; (i = team->next.fetch_add(1, std::memory_order_relaxed) - base) < count;) f(i);
    // Every thread has taken one number too many.
    base += count + team->parts;
  }

  TERSOR_INLINE void barrier() {
    if (team->parts > 1) teamWait(*team);
  }
};

/** One primitive of one instruction set. */
struct Kernel {
  void (*run)(const Call &, Member &);
  /** Bytes of scratch for so many threads. */
  size_t (*scratch)(const Call &, int parts);
  /** About how many nanoseconds one thread needs: a thread joins for each 20 microseconds. */
  double (*cost)(const Call &);
};

/**
 * Every primitive: its name, and how many outputs, inputs and scalars it takes. Which they are says
 * core-tensor/src/host/primitives.ts, whose names these are.
 */
#define TERSOR_PRIMITIVES(X)    \
  X(gemm, 1, 2, 8)              \
  X(linearDense, 1, 2, 5)       \
  X(linearTwoOfFour, 1, 3, 5)   \
  X(convert, 1, 1, 3)           \
  X(unary, 1, 1, 2)             \
  X(binary, 1, 2, 7)            \
  X(softmax, 1, 1, 2)           \
  X(rmsNorm, 1, 2, 3)           \
  X(layerNorm, 1, 3, 3)         \
  X(rotate, 1, 3, 7)            \
  X(reduce, 1, 1, 4)            \
  X(topK, 2, 1, 3)              \
  X(hadamard, 1, 2, 3)          \
  X(transpose, 1, 1, 4)         \
  X(attention, 2, 8, 15)        \
  X(pack, 1, 3, 6)              \
  X(unpack, 3, 1, 8)            \
  X(linearPacked, 1, 3, 10)     \
  X(unpackBits, 1, 1, 4)        \
  X(ransDecode, 2, 3, 6)        \
  X(segmentAttention, 1, 4, 7)  \
  X(attentionBackward, 3, 6, 7) \
  X(rmsNormBackward, 2, 4, 4)   \
  X(swiglu, 1, 2, 1)            \
  X(swigluBackward, 3, 3, 1)    \
  X(crossEntropy, 2, 3, 2)

enum class Primitive {
#define TERSOR_NAME(name, outputs, inputs, scalars) name,
  TERSOR_PRIMITIVES(TERSOR_NAME)
#undef TERSOR_NAME
};

#define TERSOR_ONE(name, outputs, inputs, scalars) +1
constexpr int PRIMITIVES = TERSOR_PRIMITIVES(TERSOR_ONE);
#undef TERSOR_ONE

struct KernelTable {
  const char *name;
  Kernel kernels[PRIMITIVES];

  constexpr Kernel &operator[](Primitive primitive) { return kernels[int(primitive)]; }
  constexpr const Kernel &operator[](Primitive primitive) const { return kernels[int(primitive)]; }
};

static TERSOR_INLINE int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
static TERSOR_INLINE int64_t roundUp(int64_t a, int64_t b) { return ceilDivide(a, b) * b; }
static TERSOR_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static TERSOR_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline size_t noScratch(const Call &, int) { return 0; }

}  // namespace tersor
