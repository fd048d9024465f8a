// Threads that wait for work, shared by all devices of the process.
#pragma once
#include "call.h"

namespace tersor {

/**
 * Runs a kernel on up to `threads` threads, this one among them; on fewer where the system gives no
 * more, or where another JavaScript thread is using them.
 * Returns false where there is no memory for scratch.
 */
bool runTeam(const Kernel &kernel, const Call &call, int threads);

/** One environment more, or one less; the last one ends the threads. */
void retainPool();
void releasePool();

}  // namespace tersor
