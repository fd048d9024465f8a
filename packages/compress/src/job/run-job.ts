import { matchRules } from '../recipe.ts'
import { assemble, finishedBefore } from './assemble.ts'
import type { JobResult, RunOptions } from './create-job.ts'
import { examine } from './examine.ts'
import { codeOf, ended, files, refused } from './files.ts'
import { identityOf } from './identity.ts'
import { type Identity, Journal } from './journal.ts'
import { type Lock, takeLock } from './lock.ts'
import { needsOf } from './needs.ts'
import type { Target } from './target.ts'
import { Walk } from './walk.ts'
import type { Work } from './work.ts'

/** Runs a job, or goes on where a run before was stopped. */
export async function runJob(work: Work, options: RunOptions = {}): Promise<JobResult> {
  const { fresh = false, signal } = options
  const { target } = work
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
      const result = finished ?? (await doWork(work, journal, identity, options))
      await journal.remove()
      return { ...result, resumed: finished === undefined ? resumed : finished.tensors.length }
    } catch (error) {
      // There is nothing to go on with.
      if (journal.size === 0) await journal.remove()
      throw error
    }
  })
}

async function doWork(work: Work, journal: Journal, identity: Identity, options: RunOptions) {
  const staged = await afterStages(work, journal, options)
  try {
    const walk = new Walk(staged, journal, options)
    if ([...staged.rules.values()].some(({ use }) => needsOf(use.map(({ method }) => method)).length > 0)) {
      const { walkBlocks } = await import('./calibrated-walk.ts')
      await walkBlocks(walk)
    }
    await walk.tensors()
    return await assemble(staged, journal, identity, options.signal)
  } finally {
    if (staged !== work) await staged.model.close()
  }
}

/** The same job for what its stages make of the model. */
async function afterStages(work: Work, journal: Journal, options: RunOptions): Promise<Work> {
  if (work.recipe.stages.length === 0) return work
  const { runStages } = await import('./run-stages.ts')
  const model = await runStages(work, journal, options)
  return { ...work, model, rules: matchRules(work.recipe.rules, model.names) }
}

/** Makes the folder of a job, does it, and removes the folder if nothing is left in it. */
async function inFolder<T>({ path, folder }: Target, run: () => Promise<T>): Promise<T> {
  try {
    await files().mkdir(folder, { recursive: true })
  } catch (error) {
    throw refused(path, error)
  }
  let lock: Lock | undefined
  const leave = async () => {
    await lock?.release()
    await files()
      .rmdir(folder)
      .catch(error => {
        if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
      })
  }
  let result: T
  try {
    lock = await takeLock(folder)
    result = await run()
  } catch (error) {
    // What ended the job matters more than what cannot be tidied up either.
    await leave().catch(() => {})
    throw ended(path, error)
  }
  await leave()
  return result
}
