import { demo } from './commands/demo.ts'
import { evalCommand } from './commands/eval.ts'
import { inspect } from './commands/inspect.ts'
import { quantize } from './commands/quantize.ts'
import { verifyDevices } from './commands/verify-devices.ts'
import { UsageError } from './usage-error.ts'

/** Where a command writes. */
export interface Streams {
  readonly out: { write(text: string): unknown }
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean }
}

type Command = (args: readonly string[], streams: Streams) => Promise<void>

const commands: Readonly<Record<string, Command>> = {
  inspect,
  quantize,
  eval: evalCommand,
  demo,
  'verify-devices': verifyDevices,
}

const USAGE = `Tersor makes neural networks smaller, and measures what that costs.

Usage
  tersor inspect FILE [--json]
  tersor quantize FILE --method rtn|gptq|nf4|float8 [--bits N] [--group N] [--calibration FILE] -o OUT
  tersor eval MODEL [--text FILE] [--tasks all|NAMES] [--against FILE] [--device NAME] [--json]
  tersor demo [MODEL] [--device NAME]
  tersor verify-devices [MODEL] [--json]

MODEL and FILE are paths, or tiny-lm, tiny-lm-mini and tiny-lm-moe for the bundled ones.
Each command explains itself with --help. Errors are one line; --debug adds the stack trace.
`

/**
 * Runs the command line.
 *
 * @param args  without the program's own name
 * @returns the exit code: 0, 1 after an error, 2 after wrong usage
 * @example
 * const said: string[] = []
 * const stream = { write: (text: string) => said.push(text) }
 * await run(['inspect'], { out: stream, err: stream }) // => 2
 * said[0] // => 'tersor: expected a model file; see \'tersor help\'\n'
 */
export async function run(
  args: readonly string[],
  streams: Streams = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const [name, ...rest] = args.filter(arg => arg !== '--debug')
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    streams.out.write(USAGE)
    return 0
  }
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined)
      throw new UsageError(`expected a command (${Object.keys(commands).join(', ')}), got '${name}'`)
    await command(rest, streams)
    return 0
  } catch (error) {
    const wrongUsage = error instanceof UsageError
    const message = (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ')
    const debug = args.includes('--debug') && error instanceof Error
    streams.err.write(`tersor: ${debug ? error.stack : message}${wrongUsage ? "; see 'tersor help'" : ''}\n`)
    return wrongUsage ? 2 : 1
  }
}
