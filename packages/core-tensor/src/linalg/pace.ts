import type { JobOptions } from '../job.ts'

/** Milliseconds of computation between turns of the event loop: two frames of a display. */
const TURN = 32

/**
 * What a long job awaits between its steps: reports the progress, stops on an abort, and now and
 * then lets other work run.
 */
export function pace({ signal, onProgress }: JobOptions, total: number): (done: number) => Promise<void> {
  let turned = performance.now()
  signal?.throwIfAborted()
  return async done => {
    onProgress?.(done, total)
    if (performance.now() - turned > TURN) {
      await new Promise(resolve => setTimeout(resolve))
      turned = performance.now()
    }
    signal?.throwIfAborted()
  }
}
