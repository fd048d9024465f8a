import { didYouMean, parseArguments } from './command/arguments.ts'
import type { Command, Streams, Terminal } from './command/command.ts'
import { failureOf } from './command/failure.ts'
import { columns, filled, helpText } from './command/help-text.ts'
import { UsageError } from './command/usage-error.ts'
import { version } from './version.ts'

/** Each is loaded when it is called: to look into a file takes no devices and no methods. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  inspect: async () => (await import('./commands/inspect.ts')).inspect,
  compress: async () => (await import('./commands/compress.ts')).compress,
  verify: async () => (await import('./commands/verify.ts')).verify,
  eval: async () => (await import('./commands/eval.ts')).evalCommand,
  generate: async () => (await import('./commands/generate.ts')).generateCommand,
  demo: async () => (await import('./commands/demo.ts')).demo,
  'verify-devices': async () => (await import('./commands/verify-devices.ts')).verifyDevices,
}

/** Other names of commands. */
const aliases: Readonly<Record<string, string>> = { quantize: 'compress' }

async function usage(): Promise<string> {
  const rows = Object.entries(commands).map(async ([name, load]) => {
    const { usage, summary } = await load()
    return [`tersor ${name} ${usage}`, summary] as const
  })
  return `Tersor makes neural networks smaller, and measures what that costs.

${columns(await Promise.all(rows))}
${filled(
  'MODEL and FILE are paths, https: URLs, names on the Hugging Face Hub such as hf:owner/name or hf:owner/name/file.gguf, or tiny-lm, tiny-lm-mini and tiny-lm-moe for the bundled ones. Each command explains its options with --help. Errors are one line; --debug adds the stack trace, --json makes an object of them. tersor --version says which Tersor this is.',
)}
`
}

export interface RunOptions {
  /** Stops the command; after an `Interruption` the exit code is that of its signal. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the command line.
 *
 * @param args  without the program's own name
 * @returns the exit code: 0; 1 after an error; 2 after wrong usage; 130 or 143 where SIGINT or SIGTERM stopped it
 * @example
 * const said: string[] = []
 * const stream = { write: (text: string) => said.push(text) }
 * await run(['inspect'], { out: stream, err: stream }) // => 2
 * said[0] // => 'tersor: expected a model file; see \'tersor help\'\n'
 */
export async function run(
  args: readonly string[],
  streams: Streams = { in: process.stdin, out: process.stdout, err: process.stderr },
  { signal = new AbortController().signal }: RunOptions = {},
): Promise<number> {
  const [name, ...rest] = args
  try {
    if (name === undefined || ['help', '--help', '-h'].includes(name)) streams.out.write(await usage())
    else if (name === '--version' || name === '-v') streams.out.write(`${version()}\n`)
    else await runCommand(name, rest, { ...streams, signal })
    return 0
  } catch (error) {
    const { code, message, exitCode, report } = failureOf(error)
    const stack = args.includes('--debug') && error instanceof Error ? error.stack : undefined
    if (args.includes('--json')) {
      streams.out.write(`${JSON.stringify({ ...report, error: { code, message } })}\n`)
      if (stack !== undefined) streams.err.write(`${stack}\n`)
    } else {
      streams.err.write(`tersor: ${stack ?? message}${code === 'USAGE' ? "; see 'tersor help'" : ''}\n`)
    }
    return exitCode
  }
}

async function runCommand(given: string, args: readonly string[], terminal: Terminal): Promise<void> {
  const name = Object.hasOwn(aliases, given) ? aliases[given]! : given
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) {
    const names = Object.keys(commands)
    throw new UsageError(
      `expected a command (${names.join(', ')}), got '${name}'${didYouMean(name, [...names, ...Object.keys(aliases)])}`,
    )
  }
  const command = await load()
  if (args.includes('--help') || args.includes('-h')) {
    return void terminal.out.write(helpText(name, command, args))
  }
  const flags = { ...command.others?.(args), ...command.flags(args) }
  await command.run(parseArguments(args, flags), terminal)
}
