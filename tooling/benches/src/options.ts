import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export interface BenchOptions {
  readonly json: boolean
  readonly quick: boolean
  readonly writeDocs: boolean
  readonly devices: readonly string[]
  /** All without. */
  readonly kernels: readonly string[] | undefined
  readonly threads: readonly number[]
}

const DEVICES = ['wasm', 'native']

export const usage = `Usage: pnpm bench:devices [options]

  --kernel NAME,…   only these kernels
  --device NAME,…   only wasm, or only native
  --threads 1,2     how many threads; one, and two where the machine has them, by default
  --quick           fewer rounds and fewer copies of what must not be in a cache: to see that it runs
  --json            the last line is one JSON object
  --write-docs      writes the table into docs/devices.md`

/** @throws {Error} when an argument is not known */
export function benchOptions(args: readonly string[], kernels: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    // pnpm passes the dashes on that part its own arguments from ours.
    args: args.filter(argument => argument !== '--'),
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      device: { type: 'string', multiple: true },
      kernel: { type: 'string', multiple: true },
      threads: { type: 'string' },
    },
  })
  const threads = (values.threads ?? (availableParallelism() > 1 ? '1,2' : '1')).split(',').map(Number)
  if (!threads.every(count => Number.isInteger(count) && count >= 1 && count <= 256))
    throw new Error(`[bench] expected --threads such as 1,2, got ${values.threads}`)
  return {
    json: values.json,
    quick: values.quick,
    writeDocs: values['write-docs'],
    devices: known('--device', values.device, DEVICES) ?? DEVICES,
    kernels: known('--kernel', values.kernel, kernels),
    threads: [...new Set(threads)].sort((a, b) => a - b),
  }
}

function known(
  option: string,
  given: readonly string[] | undefined,
  names: readonly string[],
): string[] | undefined {
  const wanted = given?.flatMap(list => list.split(','))
  const wrong = wanted?.find(name => !names.includes(name))
  if (wrong !== undefined) throw new Error(`[bench] expected ${option} of ${names.join(', ')}; got ${wrong}`)
  return wanted
}
