import { sizeOf } from '@tersor/core-tensor'
import { mergeSafetensors } from '@tersor/formats'
import { requireManifestPlace, writeCompanions } from './companions.ts'
import type { JobResult } from './create-job.ts'
import { files, hashOf, moveTo, paths, readIfThere, writeWhole } from './files.ts'
import { calibrationOf, versionsOf } from './identity.ts'
import { type Identity, idOf, type Journal } from './journal.ts'
import { MANIFEST_KEY, type Manifest, manifestIn } from './manifest.ts'
import type { TensorOutcome } from './outcome.ts'
import { requireSafe } from './target.ts'
import type { Work } from './work.ts'

type Assembled = Omit<JobResult, 'resumed'>

/** Puts the tensors of a journal together into the target, and what belongs beside it in its place. */
export async function assemble(
  work: Work,
  journal: Journal,
  identity: Identity,
  signal: AbortSignal | undefined,
): Promise<Assembled> {
  const { source, force = false } = work.settings
  const { target, model } = work
  const entries = model.names.map(name => journal.get(name)!)
  const manifest = manifestOf(
    work,
    identity,
    entries.map(({ outcome }) => outcome as TensorOutcome),
  )
  const metadata = {
    format: 'pt',
    ...(model.configText === undefined ? {} : { config: model.configText }),
    [MANIFEST_KEY]: JSON.stringify(manifest),
  }
  const whole = paths().join(target.folder, 'target')
  const { partial, fileBytes, sha256 } = await mergeSafetensors(
    entries.map(entry => journal.pathOf(entry)),
    whole,
    { metadata, signal },
  )
  // Time has passed since a run looked.
  await requireSafe(target, source, force)
  await requireManifestPlace(target, force)
  await writeCompanions(target, await source.companions(), force)
  const beside = JSON.stringify({ ...manifest, file: { bytes: fileBytes, sha256 } }, null, 1)
  await writeWhole(target.manifest, [`${beside}\n`], target.folder)
  await moveTo(partial, target.path)
  return resultOf(manifest, fileBytes)
}

/** The result of a run that was stopped when its target was in its place already. */
export async function finishedBefore({ target }: Work, identity: Identity): Promise<Assembled | undefined> {
  const left = await files()
    .access(target.folder)
    .then(
      () => true,
      () => false,
    )
  const text = left ? await readIfThere(target.manifest) : undefined
  const found = text === undefined ? undefined : manifestIn(new TextDecoder().decode(text))
  if (found?.file === undefined || found.id !== idOf(identity)) return undefined
  const { file, ...manifest } = found
  return (await hashOf(target.path)) === file.sha256 ? resultOf(manifest, file.bytes) : undefined
}

function manifestOf(work: Work, identity: Identity, tensors: readonly TensorOutcome[]): Manifest {
  const { recipe, seed = 0 } = work.settings
  const calibration = calibrationOf(work)
  return {
    version: 1,
    id: idOf(identity),
    recipe,
    methods: versionsOf(work),
    seed,
    ...(calibration === undefined ? {} : { calibration }),
    tensors,
  }
}

function resultOf(manifest: Manifest, fileBytes: number): Assembled {
  const { tensors } = manifest
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
  const elements = tensors.reduce((sum, { dims }) => sum + sizeOf(dims), 0)
  return { manifest, tensors, bytes, fileBytes, bitsPerWeight: elements === 0 ? 0 : (8 * bytes) / elements }
}
