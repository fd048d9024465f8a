import { Interrupted } from './open-answer.ts'
import { type Patience, pauseBefore } from './retry-options.ts'
import { pause } from './wait.ts'

/**
 * Waits before what broke off is tried again.
 *
 * @param failures  in a row, this one included
 * @throws what it is, when it is not worth another attempt
 */
export async function pauseAfter(
  error: unknown,
  failures: number,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!(error instanceof Interrupted)) throw error
  const milliseconds = pauseBefore(patience, failures, error.asked)
  if (milliseconds === undefined) throw error.failure
  await pause(milliseconds, signal)
}
