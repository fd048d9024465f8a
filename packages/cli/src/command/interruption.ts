import { constants } from 'node:os'

/** Signals that end a command, which then leaves things so that it can go on. */
export const STOPPING = ['SIGINT', 'SIGTERM'] as const

/** What `signal.reason` is after one of them. */
export class Interruption extends Error {
  /** As shells count: 128 and the signal's number. */
  readonly exitCode: number

  constructor(signal: (typeof STOPPING)[number]) {
    super(`stopped by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}
