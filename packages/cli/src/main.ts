import { Interruption, STOPPING } from './command/interruption.ts'
import { run } from './run.ts'

/** The program: runs the command line of this process, ends it in an orderly way on a first signal, and at once on a second. */
export async function main(): Promise<void> {
  // A reader that has seen enough, such as `head`, closes the pipe; that is no error.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    process.exit()
  })
  const stop = new AbortController()
  for (const signal of STOPPING) process.once(signal, () => stop.abort(new Interruption(signal)))
  process.exitCode = await run(process.argv.slice(2), undefined, { signal: stop.signal })
}
