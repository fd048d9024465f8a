import { dtypeBits, isFloat, TersorError, UnsupportedError } from '@tersor/core-tensor'
import { calibratedWeights, checkModel } from '@tersor/models'
import { hasGathered, windowsOf } from './calibration-source.ts'
import { missingCompanions, requireManifestPlace } from './companions.ts'
import type { DryRun } from './create-job.ts'
import { files, isNothing, paths } from './files.ts'
import { needsOf } from './needs.ts'
import { planTensor, sumOf, type TensorPlan } from './plan.ts'
import { slicesOf } from './slices-of.ts'
import { freeBytes, requireRoom, requireSafe } from './target.ts'
import type { Work } from './work.ts'

/** Plans a job and finds everything that would stop it, before a weight is read or a byte written. */
export async function examine(work: Work): Promise<DryRun> {
  const { settings, recipe, target } = work
  const { source, maxMemory, force = false, strict = true } = settings
  const problems: TersorError[] = []
  const attempt = async <T>(run: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof TersorError)) throw error
      problems.push(error)
      return undefined
    }
  }
  await attempt(() => requireModel(work))
  await attempt(() => requireUncompressed(work))
  await attempt(() => requireCalibration(work))
  const { otherwise } = recipe
  const tensors: TensorPlan[] = []
  const seen = source.config === undefined ? new Set<string>() : calibratedWeights(source.config)
  for (const name of source.names) {
    const before = problems.length
    const planned = await attempt(() => planWeight(work, name, seen))
    if (planned !== undefined) tensors.push(planned)
    else if (!strict) {
      problems.length = before
      tensors.push(planTensor(source, name, { otherwise }))
    }
  }
  await attempt(() => requireSafe(target, source, force))
  const companions = await source.companions()
  await attempt(() => missingCompanions(target, companions, force))
  await attempt(() => requireManifestPlace(target, force))
  const free = await attempt(() => freeBytes(target))
  const beside = [...companions.values()].reduce((sum, { length }) => sum + length, 0)
  const plan = sumOf(tensors, { calibration: calibrationBytes(work), beside, free })
  const written = await bytesIn(target.folder)
  await attempt(() => requireRoom(target, plan.needed - written, free))
  if (maxMemory !== undefined && plan.peak > maxMemory) {
    problems.push(
      new UnsupportedError(
        `[compress/job] expected a plan that holds at most ${maxMemory} bytes at a time, got one of ${plan.peak}; raise maxMemory, or choose other methods`,
      ),
    )
  }
  return { plan, problems }
}

/**
 * What a job expects to make of a tensor; throws where a method cannot take it.
 *
 * @param seen  the weights whose inputs calibration sees
 */
function planWeight(
  { settings: { source, calibration }, recipe, rules, sliceElements }: Work,
  name: string,
  seen: ReadonlySet<string>,
): TensorPlan {
  const use = rules.get(name)?.use ?? []
  const slices = slicesOf(source, name, use, sliceElements)
  const planned = planTensor(source, name, { use, otherwise: recipe.otherwise, slices })
  const calibrated =
    planned.steps.length > 0 ? use.find(({ method }) => needsOf([method]).length > 0) : undefined
  if (calibrated !== undefined && !seen.has(name)) {
    throw new UnsupportedError(
      `[compress/job] expected a weight that a linear layer alone reads for ${calibrated.method.name}, got '${name}', of whose inputs there are no statistics; give it a rule of its own with another method`,
    )
  }
  if (calibrated !== undefined && hasGathered(calibration)) {
    const has = calibration.names(name)
    const missing = needsOf(use.map(({ method }) => method)).filter(need => !has.includes(need))
    if (missing.length > 0) {
      throw new UnsupportedError(
        `[compress/job] expected statistics with ${missing.join(' and ')} of the inputs of '${name}' for ${calibrated.method.name}, got ${has.join(', ') || 'none'}; collect them again, or pass text`,
      )
    }
  }
  return planned
}

/**
 * What stands alone is compressed tensor by tensor, whatever the model is: only what runs it has to understand its configuration.
 * What is known to be incomplete, or to lack what belongs to its numbers, is refused in any case.
 */
function requireModel({ settings: { source }, recipe, rules }: Work): void {
  const methods = [...rules.values()].flatMap(({ use }) => use.map(({ method }) => method))
  const runs = recipe.stages.length > 0 || needsOf(methods).length > 0
  const { missing, unclaimed, unread, refusal } = source
  checkModel({ missing, unclaimed, unread, refusal: runs ? refusal : undefined })
}

/** What is compressed already has lost something: compressing it again must be meant. */
function requireUncompressed({ settings: { source, requantize = false } }: Work): void {
  if (requantize) return
  /** The first weight of each way to be compressed. */
  const ways = new Map<string, string>()
  for (const name of source.names) {
    const { compressed, type } = source.info(name)
    const as = compressed ?? (type !== undefined && isFloat(type) && dtypeBits[type] === 8 ? type : undefined)
    if (as !== undefined && !ways.has(as)) ways.set(as, name)
  }
  if (ways.size === 0) return
  const stored = Array.from(ways, ([as, name]) => `'${name}' is stored as ${as}`).join(' and ')
  throw new UnsupportedError(
    `[compress/job] expected an uncompressed model, but ${stored}; start from the original, or pass requantize: true, which measures the loss against what is stored`,
  )
}

function requireCalibration({ settings: { calibration }, recipe, rules }: Work): void {
  if (windowsOf(calibration).length > 0) return
  const calibrated = [...rules.values()]
    .flatMap(({ use }) => use)
    .find(({ method }) => needsOf([method]).length > 0)
  const stage = recipe.stages.find(({ method }) => method.needs.includes('windows'))
  const hungry = hasGathered(calibration) ? stage : (calibrated ?? stage)
  if (hungry !== undefined) {
    throw new UnsupportedError(
      `[compress/job] expected calibration text for ${hungry.method.name}, got none; pass some, or use methods that need none`,
    )
  }
}

/** About what calibration holds beside one tensor: the model, one block's statistics, and a hidden state for each token. */
function calibrationBytes({ settings: { source, calibration }, rules }: Work): number {
  const { config } = source
  if (config === undefined) return 0
  let statistics = 0
  let model = 0
  for (const name of source.names) {
    const { dims, byteLength } = source.info(name)
    const columns = dims.at(-1) ?? 0
    const needs = needsOf((rules.get(name)?.use ?? []).map(({ method }) => method))
    for (const need of needs) statistics += 8 * (need === 'gram' ? columns ** 2 : columns)
    model += byteLength
  }
  if (statistics === 0) return 0
  const tokens = windowsOf(calibration).reduce((sum, { length }) => sum + length, 0)
  return model + Math.ceil(statistics / config.layers.length) + 2 * 4 * tokens * config.hiddenSize
}

/** What a run before has written already. */
async function bytesIn(folder: string): Promise<number> {
  const names = await files()
    .readdir(folder)
    .catch(error => {
      if (isNothing(error)) return []
      throw error
    })
  const sizes = await Promise.all(
    names.map(async name => (await files().stat(paths().join(folder, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
