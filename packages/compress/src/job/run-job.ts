import { byteLength, type Encoded, isEncoded, reference, type Tensor, transfer } from '@tersor/core-tensor'
import { weightSnr } from '@tersor/eval'
import { safetensorsPieces } from '@tersor/formats'
import { assemble, finishedBefore } from './assemble.ts'
import { compressWeight } from './compress-weight.ts'
import type { JobResult, RunOptions } from './create-job.ts'
import { examine } from './examine.ts'
import { codeOf, files, refused } from './files.ts'
import { identityOf } from './identity.ts'
import { Journal } from './journal.ts'
import { takeLock } from './lock.ts'
import type { TensorOutcome } from './outcome.ts'
import type { Target } from './target.ts'
import type { Work } from './work.ts'

/** Runs a job, or goes on where a run before was stopped. */
export async function runJob(work: Work, options: RunOptions = {}): Promise<JobResult> {
  const { fresh = false, signal } = options
  const { target } = work
  const { names } = work.settings.source
  signal?.throwIfAborted()
  const identity = await identityOf(work)
  const finished = fresh ? undefined : await finishedBefore(work, identity)
  if (finished === undefined) {
    const { problems } = await examine(work)
    if (problems.length > 0) throw problems[0]
  }
  return inFolder(target, async () => {
    const journal = await Journal.open(target.folder, identity, fresh)
    const resumed = journal.size
    try {
      if (finished === undefined) await new Walk(work, journal, options).tensors()
      const result = finished ?? (await assemble(work, journal, identity, signal))
      await journal.remove()
      return { ...result, resumed: finished === undefined ? resumed : names.length }
    } catch (error) {
      // There is nothing to go on with.
      if (journal.size === 0) await journal.remove()
      throw error
    }
  })
}

/** Makes the folder of a job, does it, and removes the folder if nothing is left in it. */
async function inFolder<T>({ path, folder }: Target, run: () => Promise<T>): Promise<T> {
  try {
    await files().mkdir(folder, { recursive: true })
  } catch (error) {
    throw refused(path, error)
  }
  const lock = await takeLock(folder)
  try {
    return await run()
  } finally {
    await lock.release()
    await files()
      .rmdir(folder)
      .catch(error => {
        if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
      })
  }
}

/** The work itself: every tensor once. */
class Walk {
  readonly #work: Work
  readonly #journal: Journal
  readonly #options: RunOptions

  constructor(work: Work, journal: Journal, options: RunOptions) {
    this.#work = work
    this.#journal = journal
    this.#options = options
  }

  /** Everything that is not done yet, one tensor in memory at a time. */
  async tensors(): Promise<void> {
    const { source } = this.#work.settings
    this.#report()
    for (const name of source.names) {
      this.#options.signal?.throwIfAborted()
      if (this.#journal.get(name) === undefined) await this.#compress(name)
    }
  }

  /** Compresses one tensor, writes it, and notes what became of it. */
  async #compress(name: string): Promise<Tensor | Encoded> {
    const { settings, rules, recipe } = this.#work
    const { source, seed = 0, strict = true } = settings
    const { compressed } = source.info(name)
    const weight = await source.load(name)
    const { stored, outcome } = await compressWeight(weight, {
      ...{ name, seed, strict },
      use: rules.get(name)?.use,
      otherwise: recipe.otherwise,
      signal: this.#options.signal,
    })
    const result = await transfer(stored, reference)
    const snr = isEncoded(weight) ? Infinity : weightSnr(weight, result)
    const pieces = safetensorsPieces([[name, result]])
    const record = {
      name,
      dims: weight.dims,
      ...outcome,
      bytes: byteLength(result),
      snr: Number.isFinite(snr) ? snr : null,
      ...(compressed === undefined ? {} : { against: compressed }),
    }
    await this.#journal.add(name, pieces, sha256 => ({
      outcome: { ...record, sha256 } satisfies TensorOutcome,
    }))
    this.#report()
    return result
  }

  #report(): void {
    this.#options.onProgress?.(this.#journal.size, this.#work.settings.source.names.length)
  }
}
