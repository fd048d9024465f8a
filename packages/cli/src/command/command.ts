import type { Input } from '../prompt-text.ts'
import type { Parsed } from './arguments.ts'
import type { FlagTable } from './flag.ts'

/** Where a command writes, and what it may read. */
export interface Streams {
  readonly in?: Input | undefined
  readonly out: { write(text: string): unknown }
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean | undefined }
}

/** Where a command writes, and what stops it. */
export interface Terminal extends Streams {
  readonly signal: AbortSignal
}

/** One command: how it is called, in words for people, and what it does. */
export interface Command<F extends FlagTable = FlagTable> {
  /** What follows its name: `MODEL [--text FILE]`. */
  readonly usage: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What `--help` says between the usage and the flags. */
  readonly about: string
  /** Its flags; those that depend on other arguments are found in these. */
  flags(args: readonly string[]): F
  /** More flags, which `--help` says in `more`. */
  others?(args: readonly string[]): FlagTable
  /** What `--help` says after the flags. */
  more?(args: readonly string[]): string
  run(parsed: Parsed<F>, terminal: Terminal): Promise<void>
}

/** A command, checked against its own flags and then as one among others. */
export function command<const F extends FlagTable>(itself: Command<F>): Command {
  return itself as unknown as Command
}
