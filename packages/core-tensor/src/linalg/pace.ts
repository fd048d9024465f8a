import type { JobOptions } from '../job.ts'

/** Milliseconds of computation between turns of the event loop: two frames of a display. */
const TURN = 32

/** Ends a step of a job; one that does not count leaves the progress where it is. */
export type Step = (counts?: boolean) => Promise<void>

/**
 * What a long job awaits between its steps: reports the progress, stops on an abort, and now and
 * then lets other work run.
 *
 * @param total  steps that count
 */
export function pace({ signal, onProgress }: JobOptions, total: number): Step {
  let turned = performance.now()
  let done = 0
  signal?.throwIfAborted()
  return async (counts = true) => {
    if (counts) done++
    onProgress?.(done, total)
    if (performance.now() - turned > TURN) {
      await new Promise(resolve => setTimeout(resolve))
      turned = performance.now()
    }
    signal?.throwIfAborted()
  }
}
