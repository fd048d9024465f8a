import { Rng, TersorError } from '@tersor/core-tensor'
import { watchAllocations } from './allocations.ts'
import { mutate } from './mutate.ts'
import type { FuzzTarget } from './target.ts'

/** What a file of a few kilobytes may ask for at once, beside what its format expands to: the readers' own buffers. */
const MAX_ARRAY_BYTES = 2 ** 24

/** Milliseconds after which one file counts as a hang; the slowest takes tens of them. */
const MAX_MILLISECONDS = 4000

/** Longer messages drown what they say. */
const MAX_MESSAGE = 8000

export interface FuzzOptions {
  readonly seed: number
  /** The first change that is made, and how many. */
  readonly from?: number | undefined
  readonly runs: number
  /** Every so manieth change alone, for several processes: those whose number is `job` modulo `jobs`. */
  readonly job?: number | undefined
  readonly jobs?: number | undefined
  /** Stops after this many failures: 20 by default. */
  readonly maxFailures?: number | undefined
  /** Told of every change before it is read, so that a hang can be found. */
  readonly onRun?: ((index: number) => void) | undefined
}

/** A file that was not read and not refused as it should. */
export interface Failure {
  readonly target: string
  readonly index: number
  readonly reason: string
  readonly file: Uint8Array
}

export interface FuzzResult {
  readonly runs: number
  /** How many of the changed files were read, and how many refused, by the names of the targets. */
  readonly read: ReadonlyMap<string, number>
  readonly refused: ReadonlyMap<string, number>
  readonly failures: readonly Failure[]
}

/**
 * Reads changed files, one target after the other, and looks that each is read or refused with a typed error, in time, and without
 * an array that is larger than what the file can hold. A change depends on the seed and its number alone.
 */
export async function fuzz(targets: readonly FuzzTarget[], options: FuzzOptions): Promise<FuzzResult> {
  const { seed, from = 0, runs, job = 0, jobs = 1, maxFailures = 20 } = options
  const failures: Failure[] = []
  const [read, refused] = [new Map<string, number>(), new Map<string, number>()]
  let done = 0
  const allocations = watchAllocations()
  try {
    for (let index = from; index < from + runs && failures.length < maxFailures; index++) {
      if (index % jobs !== job) continue
      options.onRun?.(index)
      const target = targets[Math.floor(index / jobs) % targets.length]!
      const file = changedFile(target, seed, index)
      allocations.reset()
      const start = performance.now()
      let reason: string | undefined
      try {
        await target.read(file)
        count(read, target.name)
      } catch (error) {
        count(refused, target.name)
        reason = wrongRefusal(error)
      }
      done++
      const milliseconds = performance.now() - start
      const most = MAX_ARRAY_BYTES + target.expansion * file.length
      if (allocations.largest > most)
        reason ??= `an array of ${allocations.largest} bytes for a file of ${file.length}`
      if (milliseconds > MAX_MILLISECONDS)
        reason ??= `${Math.round(milliseconds)} ms for a file of ${file.length} bytes`
      if (reason !== undefined) failures.push({ target: target.name, index, reason, file })
    }
  } finally {
    allocations.stop()
  }
  return { runs: done, read, refused, failures }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** The file of a number. */
function changedFile({ seeds }: FuzzTarget, seed: number, index: number): Uint8Array {
  const rng = new Rng(seed * 2 ** 32 + index)
  return mutate(seeds[rng.integer(seeds.length)]!, seeds, rng)
}

function wrongRefusal(error: unknown): string | undefined {
  if (!(error instanceof TersorError))
    return `not typed: ${error instanceof Error ? error.stack : String(error)}`
  if (error.message.length > MAX_MESSAGE)
    return `a message of ${error.message.length} characters: ${error.message.slice(0, 200)}`
  return undefined
}
