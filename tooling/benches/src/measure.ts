import { median } from './median.ts'
import type { Work } from './work.ts'

export interface MeasureOptions {
  /** How often each takes its turn. */
  readonly rounds: number
  /** How long a turn takes at least. */
  readonly turn: number
  /** How long each runs before it counts, so that WebAssembly reaches its last tier. */
  readonly warmUp: number
}

export const thorough: MeasureOptions = { rounds: 11, turn: 60, warmUp: 400 }
export const quick: MeasureOptions = { rounds: 7, turn: 10, warmUp: 100 }

/**
 * Milliseconds of a call of each, in rounds in which all take turns: what else the machine does then
 * disturbs all of them alike.
 *
 * @returns of each work its times, one a round
 */
export async function measure(works: readonly Work[], options: MeasureOptions): Promise<number[][]> {
  const repeats: number[] = []
  for (const work of works) {
    const run = await warmUp(work, options.warmUp)
    repeats.push(Math.max(1, Math.ceil(options.turn / run)))
  }
  const times: number[][] = works.map(() => [])
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, work] of works.entries()) {
      // The threads of the one before spin for a while; a first run wakes those of this one.
      await rest()
      if (repeats[i]! > 2) await work.run()
      times[i]!.push((await timed(work, repeats[i]!)) / (repeats[i]! * work.calls))
    }
  }
  return times
}

/** Runs for that long, and says how many milliseconds a run took at the end. */
export async function warmUp(work: Work, milliseconds: number): Promise<number> {
  const last: number[] = []
  const start = performance.now()
  do {
    last.push(await timed(work, 1))
  } while (performance.now() - start < milliseconds || last.length < 3)
  return median(last.slice(-5))
}

async function timed(work: Work, repeats: number): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < repeats; i++) {
    const result = work.run()
    // No turn of the event loop for what needs none.
    if (result instanceof Promise) await result
  }
  return performance.now() - start
}

function rest(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 5))
}
