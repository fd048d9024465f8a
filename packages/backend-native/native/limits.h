// What bounds kernels on this machine; for benches.
#pragma once
#include "pool.h"

namespace tersor {

/** Reads all bytes once, on so many threads. */
bool readMemory(const uint8_t *bytes, double count, int threads);

/** Multiplies and adds float32 `times` times a thread; returns how many operations that was. */
double multiplyAdd(double times, int threads);

}  // namespace tersor
