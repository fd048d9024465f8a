import { canonicalJson, type Json, reference } from '@tersor/core-tensor'
import { encodeSafetensors, openSource } from '@tersor/formats'
import type { ModelFile } from '@tersor/models'
import { hasGathered } from './calibration-source.ts'
import { sha256 } from './files.ts'
import type { Identity } from './journal.ts'
import { needsOf } from './needs.ts'
import type { Work } from './work.ts'

/** Headers are among them. */
const START_BYTES = 2 ** 20
const SAMPLES = 15
const SAMPLE_BYTES = 2 ** 16

/** What decides the bytes that a job writes. */
export async function identityOf(work: Work): Promise<Identity> {
  const { recipe, seed = 0, source } = work.settings
  return {
    recipe: canonicalJson(JSON.parse(JSON.stringify(recipe))),
    methods: canonicalJson(versionsOf(work)),
    source: await sourceIdentity(source),
    calibration: canonicalJson(calibrationOf(work) ?? 'none'),
    seed: String(seed),
  }
}

/** The versions of the methods and stages that a recipe names. */
export function versionsOf({ recipe }: Work): Record<string, number> {
  const steps = [...recipe.rules.flatMap(({ use }) => use), ...recipe.stages]
  return Object.fromEntries(steps.map(({ method }) => [method.name, method.version]))
}

/**
 * What calibrated methods see, where a recipe has some: a hash of the windows and the device that the model runs on, whose sums
 * decide bytes; or a hash of statistics that were gathered before.
 */
export function calibrationOf(work: Work): { sha256: string; device?: string } | undefined {
  const { calibration, device = reference } = work.settings
  if (calibration === undefined || !isCalibrated(work)) return undefined
  if (!hasGathered(calibration))
    return { sha256: sha256(calibration.map(window => `${window.join(' ')}\n`)), device: device.name }
  const { metadata } = calibration
  return { sha256: sha256([encodeSafetensors(calibration.toTensors(), { metadata })]) }
}

function isCalibrated({ recipe, rules }: Work): boolean {
  const steps = [...rules.values()].flatMap(({ use }) => use)
  const needs = needsOf(steps.map(({ method }) => method))
  return needs.length > 0 || recipe.stages.some(({ method }) => method.needs.includes('windows'))
}

/**
 * What tells one source from another, without reading all of it: its configuration, what its weights are, how long its files are,
 * and how their bytes begin and run on at equal distances.
 */
async function sourceIdentity(source: ModelFile): Promise<string> {
  const weights = source.names.map(name => {
    const { type, dims, byteLength } = source.info(name)
    return [name, type ?? 'unknown', dims, byteLength]
  })
  const files: Json[] = []
  for (const file of source.files) files.push(await fileIdentity(file, source.opening))
  return canonicalJson({ config: source.configText ?? null, weights, files })
}

async function fileIdentity(file: string | URL, opening: ModelFile['opening']): Promise<Json> {
  const source = await openSource(file, opening)
  try {
    const { byteLength } = source
    const pieces = [await source.read(0, Math.min(START_BYTES, byteLength))]
    const rest = byteLength - START_BYTES
    for (let i = 1; i <= SAMPLES && rest > 0; i++) {
      const start = START_BYTES + Math.max(0, Math.floor((rest * i) / SAMPLES) - SAMPLE_BYTES)
      pieces.push(await source.read(start, Math.min(SAMPLE_BYTES, byteLength - start)))
    }
    return { bytes: byteLength, sha256: sha256(pieces) }
  } finally {
    await source.close()
  }
}
