/** One flag of a command: its parsing and its line in `--help` are made of it. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** What stands for its value in the help: `FILE`. */
  readonly value?: string
  readonly help: string
}

export type FlagTable = Readonly<Record<string, Flag>>

/** What a command line gives for a table. */
export type Values<F extends FlagTable> = {
  readonly [K in keyof F]?: F[K]['type'] extends 'boolean' ? boolean : string
}

/** Flags that every command has. */
export const commonFlags = {
  json: { type: 'boolean', help: 'one object on one line, errors too; for programs' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
  debug: { type: 'boolean', help: 'the stack trace of an error' },
} as const satisfies FlagTable
