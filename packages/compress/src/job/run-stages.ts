import {
  canonicalJson,
  type Device,
  type Encoded,
  isEncoded,
  type Json,
  reference,
  type Tensor,
  transfer,
} from '@tersor/core-tensor'
import { safetensorsPieces } from '@tersor/formats'
import { configText, type Decoder, loadModel, type ModelFile, openModel, storedName } from '@tersor/models'
import { windowsOf } from './calibration-source.ts'
import { rngOf } from './compress-weight.ts'
import type { RunOptions } from './create-job.ts'
import type { Entry, Journal } from './journal.ts'
import { kindsOf } from './kinds.ts'
import type { Work } from './work.ts'

/**
 * Methods of the whole model, before the rules: each is one piece of work, and its model a file in the journal.
 *
 * @returns what the last one made, opened; the caller closes it
 */
export async function runStages(work: Work, journal: Journal, options: RunOptions): Promise<ModelFile> {
  const kinds = kindsOf(work)
  let model = work.settings.source
  for (const [index, { method, options: given }] of work.recipe.stages.entries()) {
    const key = `stage ${index}`
    const entry = journal.get(key) ?? (await runStage(key))
    if (model !== work.settings.source) await model.close()
    model = await openModel(journal.pathOf(entry), { kinds })

    async function runStage(name: string): Promise<Entry> {
      const { calibration, device = reference, seed = 0 } = work.settings
      const windows = windowsOf(calibration)
      const before = await loadModel(model, { device })
      const rng = rngOf(seed, name)
      const { signal } = options
      const after = (await method.run(before, given as never, { windows, rng, signal })) as Decoder
      const weights: [string, Tensor | Encoded][] = []
      for (const [weightName, weight] of after.weights)
        weights.push([storedName(after.config, weightName), await plainWeight(weight, device)])
      const pieces = safetensorsPieces(weights, { metadata: { config: configOf(model, after) } })
      if (device !== reference) for (const held of new Set([before, after])) held.dispose()
      return journal.add(name, pieces, () => ({ stage: method.name }))
    }
  }
  return model
}

/** The configuration as its file spells it, where a stage left the model's shape. */
function configOf({ config, configText: text }: ModelFile, after: Decoder): string {
  const isSame = canonicalJson(config as unknown as Json) === canonicalJson(after.config as unknown as Json)
  return isSame && text !== undefined ? text : configText(after.config)
}

/** A weight as it was before it was packed for a device. */
async function plainWeight(weight: Tensor | Encoded, device: Device): Promise<Tensor | Encoded> {
  const host = await transfer(isEncoded(weight) ? device.unpack(weight) : weight, reference)
  if (!isEncoded(host) || host.encoding.kind !== 'dense') return host
  const { values } = host.parts
  return values === undefined || isEncoded(values) ? host : values
}
