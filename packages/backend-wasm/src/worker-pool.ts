import { DeviceError } from '@tersor/core-tensor'
import { nodeModule } from '@tersor/core-tensor/host'

/** Words of the control block that main thread and workers share; `messages` and `workers` have one for each worker. */
const layout = {
  /** The number of the job in 24 bits, parts that nobody took yet in 8. */
  ticket: 0,
  done: 1,
  failed: 2,
  kernel: 3,
  arena: 4,
  count: 5,
  parts: 6,
  sleepers: 7,
  messages: 16,
  workers: 80,
  /** State of a worker that takes parts; 0 before. */
  ready: 1,
} as const
const WORDS = 160
const MOST_WORKERS = 63
const MOST_NUMBERS = 64

/** Tries before the main thread sleeps until workers are done. */
const SPINS = 2000
/** The main thread waits for workers this many times as long as its own part took, and at least a while, before it gives them up. */
const PATIENCE = 50
const LEAST_PATIENCE_MS = 5000
/** A worker that is not up by then, because its script is another one for example, is given up. */
const START_PATIENCE_MS = 20_000

interface Worker {
  post(message: unknown): void
  terminate(): void
}

/**
 * Workers that share memories with the main thread and take parts of its calls. They are made when
 * {@link WorkerPool.start} is called, join when they are up, and whoever is there takes the next
 * part, so a worker that is late, asleep or gone only makes a call slower.
 */
export class WorkerPool {
  readonly #modules: readonly WebAssembly.Module[]
  readonly #names: readonly string[]
  readonly #memories: WebAssembly.Memory[] = []
  readonly #control = new Int32Array(new SharedArrayBuffer(WORDS * 4))
  readonly #numbers = new Float64Array(new SharedArrayBuffer(MOST_NUMBERS * 8))
  readonly #size: number
  readonly #leastPatienceMs: number
  readonly #mayWait = nodeWorkers() !== undefined
  #workers: (Worker | undefined)[] = []
  #starting: Promise<void> | undefined
  #job = 0

  /** @param names  of the kernels, which jobs name by their index */
  constructor(
    size: number,
    modules: readonly WebAssembly.Module[],
    names: readonly string[],
    leastPatienceMs = LEAST_PATIENCE_MS,
  ) {
    this.#leastPatienceMs = leastPatienceMs
    this.#size = Math.min(size, MOST_WORKERS)
    this.#modules = modules
    this.#names = names
  }

  /** Workers that take parts now. */
  get ready(): number {
    let count = 0
    for (let i = 0; i < this.#workers.length; i++) {
      if (this.#workers[i] !== undefined && Atomics.load(this.#control, layout.workers + i) === layout.ready)
        count++
    }
    return count
  }

  /** Makes the workers, once; settles when all of them are up or have failed. */
  start(): Promise<void> {
    this.#starting ??= Promise.all(Array.from({ length: this.#size }, (_, i) => this.#spawn(i))).then(
      () => {},
    )
    return this.#starting
  }

  /** Makes a memory known to the workers. */
  share(memory: WebAssembly.Memory): void {
    this.#memories.push(memory)
    this.#workers.forEach((worker, i) => {
      if (worker !== undefined) this.#post(i, { memory })
    })
  }

  /**
   * Runs `kernel(...numbers, part, parts)` for every part on whoever is there, this thread included.
   *
   * @throws {DeviceError} when a part failed
   * @throws {LostWorkerError} when a worker did not come back
   */
  run(
    arena: number,
    kernel: number,
    call: (...numbers: number[]) => void,
    numbers: readonly number[],
    parts: number,
  ): void {
    const control = this.#control
    this.#numbers.set(numbers)
    control[layout.kernel] = kernel
    control[layout.arena] = arena
    control[layout.count] = numbers.length
    control[layout.parts] = parts
    Atomics.store(control, layout.failed, 0)
    Atomics.store(control, layout.done, 0)
    this.#job = (this.#job + 1) & 0x7fffff
    this.#wake((this.#job << 8) | parts)

    const started = performance.now()
    let own = 0
    let error: unknown
    while (true) {
      const ticket = Atomics.load(control, layout.ticket)
      if ((ticket & 255) === 0) break
      if (Atomics.compareExchange(control, layout.ticket, ticket, ticket - 1) !== ticket) continue
      try {
        call(...numbers, (ticket & 255) - 1, parts)
      } catch (caught) {
        error = caught
      }
      own++
    }
    this.#join(parts - own, performance.now() - started)
    if (error !== undefined || Atomics.load(control, layout.failed) !== 0) {
      throw new DeviceError(`[${this.#names[kernel]}] a kernel failed: ${error ?? 'in a worker'}`, {
        cause: error,
      })
    }
  }

  /** Ends the workers. */
  dispose(): void {
    for (const worker of this.#workers) worker?.terminate()
    this.#workers = []
  }

  #wake(ticket: number): void {
    Atomics.store(this.#control, layout.ticket, ticket)
    if (Atomics.load(this.#control, layout.sleepers) > 0) Atomics.notify(this.#control, layout.ticket)
  }

  /** Waits until workers are done with what they took; never forever. */
  #join(taken: number, ownMs: number): void {
    const control = this.#control
    for (let spins = 0; spins < SPINS; spins++) if (Atomics.load(control, layout.done) === taken) return
    const deadline = performance.now() + Math.max(this.#leastPatienceMs, PATIENCE * ownMs)
    while (true) {
      const done = Atomics.load(control, layout.done)
      if (done === taken) return
      if (performance.now() > deadline) throw new LostWorkerError()
      if (this.#mayWait) Atomics.wait(control, layout.done, done, 100)
    }
  }

  #post(i: number, message: unknown): void {
    // The worker leaves its loop when it sees that there is a message which it has not read.
    Atomics.add(this.#control, layout.messages + i, 1)
    this.#workers[i]!.post(message)
    this.#job = (this.#job + 1) & 0x7fffff
    this.#wake(this.#job << 8)
  }

  async #spawn(i: number): Promise<void> {
    const up = new Promise<void>(resolve => {
      const gone = () => {
        this.#workers[i] = undefined
        Atomics.store(this.#control, layout.workers + i, 0)
        resolve()
      }
      try {
        this.#workers[i] = makeWorker(gone)
      } catch {
        gone()
      }
      const deadline = performance.now() + START_PATIENCE_MS
      const poll = () => {
        if (this.#workers[i] === undefined || Atomics.load(this.#control, layout.workers + i) !== 0) resolve()
        else if (performance.now() < deadline) setTimeout(poll, 1)
        else {
          this.#workers[i].terminate()
          gone()
        }
      }
      poll()
    })
    if (this.#workers[i] === undefined) return up
    const { memories, ...start } = {
      ...{ layout, control: this.#control, numbers: this.#numbers, index: i },
      ...{ names: this.#names, modules: this.#modules, memories: this.#memories },
    }
    this.#post(i, { start })
    for (const memory of memories) this.#post(i, { memory })
    return up
  }
}

/** A worker took a part and did not come back. */
export class LostWorkerError extends DeviceError {
  constructor() {
    super(
      '[wasm] a worker took part of a call and did not come back; its memory may be half written, so the device is lost: make a new one',
    )
  }
}

function nodeWorkers() {
  return nodeModule<typeof import('node:worker_threads')>('node:worker_threads')
}

/** @param gone  called when the worker has ended */
function makeWorker(gone: () => void): Worker {
  const node = nodeWorkers()
  if (node !== undefined) {
    const worker = new node.Worker(new URL('./worker.js', import.meta.url), { execArgv: [] })
    worker.on('error', gone)
    worker.on('exit', gone)
    // A device that was forgotten must not keep the process alive.
    worker.unref()
    return { post: message => worker.postMessage(message), terminate: () => void worker.terminate() }
  }
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.addEventListener('error', gone)
  return { post: message => worker.postMessage(message), terminate: () => worker.terminate() }
}
