import { TersorError } from '@tersor/core-tensor'
import { printable } from '../terminal/printable.ts'
import { Interruption } from './interruption.ts'
import { UsageError } from './usage-error.ts'

/** A command found what it was looking for, and that is no success: what it found goes beside the error. */
export class Finding extends Error {
  readonly code: string
  readonly report: object

  constructor(code: string, message: string, report: object) {
    super(message)
    this.code = code
    this.report = report
  }
}

/** What a thrown value comes to: a code for programs, a line for people, and the exit code. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: number
  /** What stands beside the error for programs. */
  readonly report: object
}

/** @param error  whatever a command threw */
export function failureOf(error: unknown): Failure {
  const message = printable(
    asFlags(error instanceof Error ? error.message : String(error)).replaceAll('\n', ' '),
  )
  const failure = { message, exitCode: 1, report: {} }
  if (error instanceof UsageError) return { ...failure, code: 'USAGE', exitCode: 2 }
  if (error instanceof Interruption) return { ...failure, code: 'INTERRUPTED', exitCode: error.exitCode }
  if (error instanceof Finding) return { ...failure, code: error.code, report: error.report }
  if (error instanceof TersorError) return { ...failure, code: error.code }
  if (error instanceof Error && 'errno' in error)
    return { ...failure, ...fileFailure(error as NodeJS.ErrnoException) }
  return { ...failure, code: 'INTERNAL' }
}

/** What a program passes to a job as `force: true` is a flag here. */
function asFlags(message: string): string {
  return message.replace(/\b(force|fresh|requantize): true\b/g, '--$1')
}

/** Errors of the file system, whose sentences begin with their code. */
function fileFailure(error: NodeJS.ErrnoException): { code: string; message: string } {
  const { code = 'FILE', path, message } = error
  const reason = message.replace(`${code}: `, '').split(', ')[0]!
  return { code, message: path === undefined ? message : `${reason}: ${path} (${code})` }
}
