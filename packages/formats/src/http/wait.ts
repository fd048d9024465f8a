/** Why waiting ended before anything came. */
export class Stalled extends Error {}

/**
 * What a promise gives, unless the signal or the clock comes first: whoever answers late or never, and heeds no signal,
 * holds nobody up.
 *
 * @param milliseconds  until it counts as stalled
 * @throws {Stalled} when it takes longer
 */
export async function waitFor<T>(
  promise: Promise<T>,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  // Whoever lost the race may still fail, and nobody listens any more.
  promise.catch(() => {})
  signal?.throwIfAborted()
  let end = () => {}
  const ended = new Promise<never>((_, reject) => {
    const stop = () => reject(signal!.reason)
    const timer = setTimeout(
      () => reject(new Stalled(`nothing for ${milliseconds / 1000} s`)),
      Math.min(milliseconds, MAX_TIMER),
    )
    signal?.addEventListener('abort', stop)
    end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  })
  try {
    return await Promise.race([promise, ended])
  } finally {
    end()
  }
}

/** Lets time pass, and ends at once at an aborted signal. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await waitFor(new Promise<never>(() => {}), milliseconds, signal).catch(error => {
    if (!(error instanceof Stalled)) throw error
  })
}

/** Timers that are set to more fire at once. */
const MAX_TIMER = 2 ** 31 - 1
