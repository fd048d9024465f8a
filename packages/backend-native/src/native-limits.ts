import { UnsupportedError } from '@tersor/core-tensor'
import { loadAddon } from './addon.ts'

/** Loops that do nothing but what bounds kernels, to be timed beside them. */
export interface NativeLimits {
  /** Reads all bytes once: with enough of them that is the read bandwidth of memory. */
  read(bytes: Uint8Array, threads: number): void
  /**
   * Multiplies and adds float32 in registers, with the widest vectors of the processor.
   *
   * @returns how many multiplications and additions that was, of all threads together
   */
  multiplyAdd(times: number, threads: number): number
}

/**
 * What the machine allows: a kernel that is bound by memory takes no less than reading its bytes takes here,
 * and one that is bound by arithmetic no less than its operations.
 *
 * @throws {UnsupportedError} when there is no compiled part for this platform
 *
 * ```ts no-run
 * const start = performance.now()
 * const operations = nativeLimits().multiplyAdd(1e7, 1)
 * operations / (performance.now() - start) / 1e6 // GFLOP/s of one thread
 * ```
 */
export function nativeLimits(): NativeLimits {
  const addon = loadAddon()
  if (addon === undefined) {
    throw new UnsupportedError(
      `[nativeLimits] expected the compiled part for ${process.platform} on ${process.arch}, got none; build it with \`pnpm build:native\``,
    )
  }
  return {
    read: (bytes, threads) => void addon.readMemory(bytes, threads),
    multiplyAdd: (times, threads) => addon.multiplyAdd(times, threads),
  }
}
