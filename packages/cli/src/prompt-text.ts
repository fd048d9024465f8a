import type { Readable } from 'node:stream'
import { UsageError } from './command/usage-error.ts'
import { utf8Text } from './text-file.ts'

/** Where a prompt may be typed or piped into. */
export type Input = Pick<Readable, typeof Symbol.asyncIterator | 'destroy'> & {
  readonly isTTY?: boolean | undefined
}

/**
 * The prompt of a command line: what was given, else all of the standard input but a last line break.
 *
 * @throws {UsageError} where there is neither
 * @throws {FormatError} where the input is not UTF-8
 */
export async function promptText(
  given: string | undefined,
  input: Input | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (given !== undefined) return given
  if (input === undefined || input.isTTY === true)
    throw new UsageError('expected --prompt TEXT, or a text on the standard input')
  const stop = () => input.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const chunks: Uint8Array[] = []
    for await (const chunk of input) chunks.push(Buffer.from(chunk as Uint8Array | string))
    return utf8Text(Buffer.concat(chunks), 'the standard input').replace(/\r?\n$/, '')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
