#include "pool.h"

#include <condition_variable>
#include <mutex>
#include <new>
#include <stdlib.h>

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#endif

namespace tersor {
namespace {

constexpr int MOST_THREADS = 256;
constexpr uint32_t PARTS = 511;
/** How often an idle thread looks before it sleeps: some 50 microseconds. */
constexpr int SPINS = 1500;
/** Scratch up to this size stays for the next call. */
constexpr size_t KEPT = size_t{32} << 20;

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline void yieldThread() {
#if defined(_WIN32)
  SwitchToThread();
#else
  sched_yield();
#endif
}

struct Worker {
  std::mutex guard;
  std::condition_variable wake;
  std::atomic<bool> asleep{false};
#if defined(_WIN32)
  HANDLE thread;
#else
  pthread_t thread;
#endif
};

struct Pool {
  std::mutex use;  // held by the caller whose job runs
  /** The number of the job, and in the lowest bits how many parts it has: who has none leaves it alone. */
  std::atomic<uint32_t> job{0};
  std::atomic<int> busy{0};
  std::atomic<bool> ending{false};
  const Kernel *kernel = nullptr;
  const Call *call = nullptr;
  Team team;
  uint8_t *scratch = nullptr;
  int workers = 0;
  int environments = 0;
  Worker worker[MOST_THREADS];
};

// Never destroyed: a thread may outlive the destructors of the process.
alignas(Pool) unsigned char poolStorage[sizeof(Pool)];
Pool *pool = nullptr;
std::mutex poolGuard;

struct Start {
  int part;
  uint32_t job;
};

void work(Start start) {
  Worker &self = pool->worker[start.part - 1];
  uint32_t seen = start.job;
  auto called = [&] { return pool->job.load(std::memory_order_seq_cst) != seen || pool->ending.load(); };
  for (;;) {
    for (int spins = 0; !called();) {
      if (++spins < SPINS) {
        pause();
        continue;
      }
      std::unique_lock<std::mutex> lock(self.guard);
      self.asleep.store(true, std::memory_order_seq_cst);
      self.wake.wait(lock, called);
      self.asleep.store(false, std::memory_order_relaxed);
    }
    if (pool->ending.load()) return;
    seen = pool->job.load(std::memory_order_acquire);
    if (start.part >= static_cast<int>(seen & PARTS)) continue;
    Member member{&pool->team, start.part, pool->scratch};
    pool->kernel->run(*pool->call, member);
    pool->busy.fetch_sub(1, std::memory_order_release);
  }
}

void wakeUp(Worker &worker) {
  if (!worker.asleep.load(std::memory_order_seq_cst)) return;
  std::lock_guard<std::mutex> lock(worker.guard);
  worker.wake.notify_one();
}

#if defined(_WIN32)
DWORD WINAPI enter(void *from) {
#else
void *enter(void *from) {
#endif
  Start start = *static_cast<Start *>(from);
  free(from);
  work(start);
  return 0;
}

/** Called with `use` held: threads are made when they are first asked for. */
int workersUpTo(int count) {
  if (count > MOST_THREADS) count = MOST_THREADS;
  while (pool->workers < count) {
    Start *start = static_cast<Start *>(malloc(sizeof(Start)));
    if (start == nullptr) break;
    *start = {pool->workers + 1, pool->job.load()};
#if defined(_WIN32)
    HANDLE made = CreateThread(nullptr, 0, enter, start, 0, nullptr);
    bool failed = made == nullptr;
#else
    pthread_t made;
    bool failed = pthread_create(&made, nullptr, enter, start) != 0;
#endif
    if (failed) {
      free(start);
      break;
    }
    pool->worker[pool->workers++].thread = made;
  }
  return pool->workers < count ? pool->workers : count;
}

struct Scratch {
  uint8_t *bytes = nullptr;
  size_t size = 0;
  ~Scratch() { release(); }
  void release() {
#if defined(_WIN32)
    _aligned_free(bytes);
#else
    free(bytes);
#endif
    bytes = nullptr;
    size = 0;
  }
  bool reserve(size_t wanted) {
    if (wanted <= size) return true;
    release();
    size_t rounded = (wanted + 4095) & ~size_t{4095};
    if (rounded < wanted) return false;
#if defined(_WIN32)
    bytes = static_cast<uint8_t *>(_aligned_malloc(rounded, 4096));
#else
    void *made = nullptr;
    if (posix_memalign(&made, 4096, rounded) != 0) made = nullptr;
    bytes = static_cast<uint8_t *>(made);
#endif
    if (bytes == nullptr) return false;
    size = rounded;
    return true;
  }
};

thread_local Scratch scratch;

/** Nanoseconds of work that are worth another thread. */
constexpr double WORTH = 20000;

}  // namespace

void teamWait(Team &team) {
  int round = team.round.load(std::memory_order_acquire);
  if (team.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == team.parts) {
    team.arrived.store(0, std::memory_order_relaxed);
    team.round.store(round + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; team.round.load(std::memory_order_acquire) == round;) {
    if (++spins < SPINS) pause();
    else yieldThread();
  }
}

bool runTeam(const Kernel &kernel, const Call &call, int threads) {
  int parts = threads;
  if (parts > 1) {
    double worth = kernel.cost(call) / WORTH + 1;
    if (worth < parts) parts = static_cast<int>(worth);
  }
  bool shared = parts > 1 && pool != nullptr && pool->use.try_lock();
  if (shared) {
    parts = workersUpTo(parts - 1) + 1;
    if (parts == 1) {
      pool->use.unlock();
      shared = false;
    }
  } else {
    parts = 1;
  }
  size_t wanted = kernel.scratch(call, parts);
  bool room = scratch.reserve(wanted);
  if (room && !shared) {
    Team alone;
    Member member{&alone, 0, scratch.bytes};
    kernel.run(call, member);
  }
  if (room && shared) {
    pool->kernel = &kernel;
    pool->call = &call;
    pool->scratch = scratch.bytes;
    pool->team.parts = parts;
    pool->team.next.store(0, std::memory_order_relaxed);
    pool->busy.store(parts - 1, std::memory_order_relaxed);
    uint32_t number = (pool->job.load(std::memory_order_relaxed) & ~PARTS) + (PARTS + 1);
    pool->job.store(number | static_cast<uint32_t>(parts), std::memory_order_seq_cst);
    for (int i = 0; i < parts - 1; i++) wakeUp(pool->worker[i]);
    Member member{&pool->team, 0, scratch.bytes};
    kernel.run(call, member);
    for (int spins = 0; pool->busy.load(std::memory_order_acquire) != 0;) {
      if (++spins < SPINS) pause();
      else yieldThread();
    }
  }
  if (shared) pool->use.unlock();
  if (scratch.size > KEPT) scratch.release();
  return room;
}

void retainPool() {
  std::lock_guard<std::mutex> lock(poolGuard);
  if (pool == nullptr) pool = new (poolStorage) Pool;
  pool->environments++;
}

void releasePool() {
  std::lock_guard<std::mutex> lock(poolGuard);
  if (--pool->environments > 0) return;
  std::lock_guard<std::mutex> use(pool->use);
  pool->ending.store(true);
  for (int i = 0; i < pool->workers; i++) {
    {
      std::lock_guard<std::mutex> lock(pool->worker[i].guard);
      pool->worker[i].wake.notify_one();
    }
#if defined(_WIN32)
    WaitForSingleObject(pool->worker[i].thread, INFINITE);
    CloseHandle(pool->worker[i].thread);
#else
    pthread_join(pool->worker[i].thread, nullptr);
#endif
  }
  pool->workers = 0;
  pool->ending.store(false);
}

}  // namespace tersor
