import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Failure, type FuzzResult, fuzz } from '../src/fuzz/fuzz.ts'
import { fuzzTargets } from '../src/fuzz/targets.ts'

/**
 * `pnpm fuzz --runs 1000000 --seed 1`: reads changed files with every reader, and prints how many a second were read and refused,
 * and what was neither. `--only NAME` takes the targets whose names hold it, `--jobs 2` uses as many threads, and `--from N --runs 1`
 * repeats one change. What fails is kept, in base64, in the folder of `--out`.
 */

/** Seconds that one file may take before its thread is ended. */
const HANG_SECONDS = 30

interface Work {
  readonly seed: number
  readonly from: number
  readonly runs: number
  readonly job: number
  readonly jobs: number
  readonly only: string
  /** The number of the change that is being read. */
  readonly at: Int32Array
}

if (isMainThread) await main()
else parentPort!.postMessage(await work(workerData as Work))

async function work({ only, at, ...options }: Work): Promise<FuzzResult> {
  const targets = (await fuzzTargets()).filter(({ name }) => name.includes(only))
  return fuzz(targets, { ...options, onRun: index => Atomics.store(at, 0, index) })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      jobs: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: tmpdir() },
    },
  })
  const [seed, runs, from, jobs] = [values.seed, values.runs, values.from, values.jobs].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  const start = performance.now()
  const each = Array.from({ length: jobs }, (_, job) =>
    inThread({ seed, from, runs, job, jobs, only: values.only }),
  )
  const results = await Promise.all(each)
  const seconds = (performance.now() - start) / 1000
  const failures = results.flatMap(result => result.failures)
  const done = results.reduce((sum, result) => sum + result.runs, 0)
  console.table(
    Object.fromEntries(
      [...new Set(results.flatMap(({ read, refused }) => [...read.keys(), ...refused.keys()]))].map(name => [
        name,
        {
          read: results.reduce((sum, { read }) => sum + (read.get(name) ?? 0), 0),
          refused: results.reduce((sum, { refused }) => sum + (refused.get(name) ?? 0), 0),
        },
      ]),
    ),
  )
  mkdirSync(values.out, { recursive: true })
  for (const { target, index, reason, file } of failures) {
    const path = join(values.out, `tersor-fuzz-${target.replaceAll(' ', '-')}-${seed}-${index}.base64`)
    writeFileSync(path, Buffer.from(file).toString('base64'))
    console.error(
      `\n${target}, change ${index} of seed ${seed}: ${reason}\n  ${file.length} bytes in ${path}`,
    )
  }
  console.log(
    `${done} changed files, seed ${seed}, in ${seconds.toFixed(1)} s (${Math.round(done / seconds)} a second): ${failures.length} failures`,
  )
  process.exitCode = failures.length === 0 ? 0 : 1
}

/** Runs a share of the work; a file that is read without end becomes a failure. */
function inThread(share: Omit<Work, 'at'>): Promise<FuzzResult> {
  const at = new Int32Array(new SharedArrayBuffer(4))
  // A thread does not inherit what lets Node read TypeScript.
  const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}) })`
  const worker = new Worker(bootstrap, {
    eval: true,
    workerData: { ...share, at },
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  })
  return new Promise(resolve => {
    let [last, since] = [-1, performance.now()]
    const stopped = (reason: string) => {
      clearInterval(watch)
      void worker.terminate()
      const index = Atomics.load(at, 0)
      const failure: Failure = { target: 'thread', index, reason, file: new Uint8Array(0) }
      resolve({ runs: index - share.from, read: new Map(), refused: new Map(), failures: [failure] })
    }
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0)
      if (now !== last) [last, since] = [now, performance.now()]
      else if (performance.now() - since > HANG_SECONDS * 1000) stopped(`not done after ${HANG_SECONDS} s`)
    }, 500)
    worker.once('message', (result: FuzzResult) => {
      clearInterval(watch)
      resolve(result)
    })
    worker.once('error', error => stopped(`ended its thread: ${error.message}`))
  })
}
