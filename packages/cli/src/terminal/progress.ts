import type { Streams } from '../command/command.ts'

/** Reports how far a long piece of work has come. */
export interface Progress {
  update(done: number, total: number): void
  /** Clears the line. */
  end(): void
}

export interface ProgressOptions {
  /** Says nothing at all. */
  readonly quiet?: boolean | undefined
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: (() => number) | undefined
}

const WIDTH = 24
/** Milliseconds between lines where the error stream is no terminal. */
const EVERY = 10_000
/** Milliseconds of work before a guess at the rest is worth anything. */
const WARM = 1_000

/**
 * How far a job is, on the error stream: a bar with the time that is left where that is a terminal, else a line every ten
 * seconds.
 */
export function progressOf(
  { err }: Streams,
  label: string,
  { quiet = false, now = () => performance.now() }: ProgressOptions = {},
): Progress {
  if (quiet) return { update() {}, end() {} }
  const begun = now()
  let first: number | undefined
  const left = (done: number, total: number): string => {
    // What was done before the first report, by an earlier run, took no time of this one.
    first ??= done
    const [elapsed, made] = [now() - begun, done - first]
    if (elapsed < WARM || made === 0 || done >= total) return ''
    return `, ${duration((elapsed * (total - done)) / made)} left`
  }
  return err.isTTY === true ? bar(err, label, left) : lines(err, label, left, now)
}

type Left = (done: number, total: number) => string

function bar(err: Streams['err'], label: string, left: Left): Progress {
  let shown = ''
  return {
    update(done, total) {
      const filled = total === 0 ? WIDTH : Math.floor((WIDTH * done) / total)
      const line = `${label.padEnd(28)} ${'━'.repeat(filled)}${'─'.repeat(WIDTH - filled)} ${done}/${total}${left(done, total)}`
      if (line !== shown) err.write(`\r\x1b[K${line}`)
      shown = line
    },
    end() {
      if (shown !== '') err.write('\r\x1b[K')
      shown = ''
    },
  }
}

function lines(err: Streams['err'], label: string, left: Left, now: () => number): Progress {
  let last = now()
  return {
    update(done, total) {
      const rest = left(done, total)
      if (now() - last < EVERY) return
      last = now()
      err.write(`${label}: ${done} of ${total}${rest}\n`)
    },
    end() {},
  }
}

/** A span of time for people: 40 s, 12 min, 3 h 5 min. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000))
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
