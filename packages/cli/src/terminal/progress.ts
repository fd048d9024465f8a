import type { Streams } from '../run.ts'

/** Reports how far a long piece of work has come. */
export interface Progress {
  update(done: number, total: number): void
  /** Clears the line. */
  end(): void
}

const WIDTH = 24

/** A bar on the error stream while it is a terminal and `quiet` is not set; else nothing. */
export function progressBar({ err }: Streams, label: string, quiet = false): Progress {
  if (quiet || err.isTTY !== true) return { update() {}, end() {} }
  let shown = ''
  return {
    update(done, total) {
      const filled = total === 0 ? WIDTH : Math.floor((WIDTH * done) / total)
      const line = `${label.padEnd(28)} ${'━'.repeat(filled)}${'─'.repeat(WIDTH - filled)} ${done}/${total}`
      if (line !== shown) err.write(`\r\x1b[K${line}`)
      shown = line
    },
    end() {
      if (shown !== '') err.write('\r\x1b[K')
    },
  }
}
