/** What every long-running function takes. */
export interface JobOptions {
  /** Stops the job; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** Milliseconds of computation between turns of the event loop: two frames of a display. */
const TURN = 32

/** Ends a step of a job; one that does not count leaves the progress where it is. */
export type Pace = (counts?: boolean) => Promise<void>

/**
 * What a long job awaits between its steps: reports the progress, stops on an abort, and every 32 ms
 * lets other work run, so that a page stays alive and an abort can arrive. Steps should be short.
 *
 * @param options  what the job was given
 * @param total  steps that count
 * @throws the signal's reason, at once when it is aborted already
 * @example
 * async function sumOfRows(rows: number[][], options: JobOptions = {}) {
 *   const step = pace(options, rows.length)
 *   let sum = 0
 *   for (const row of rows) {
 *     sum += row.reduce((a, b) => a + b, 0)
 *     await step()
 *   }
 *   return sum
 * }
 * await sumOfRows([[1, 2], [3, 4]], { onProgress: (done, total) => console.log(`${done} of ${total}`) }) // => 10
 */
export function pace({ signal, onProgress }: JobOptions, total: number): Pace {
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
