import { type Device, type Encoded, reference, type StatisticName, type Tensor } from '@tersor/core-tensor'
import { loadWeight, openSafetensors } from '@tersor/formats'
import { type Decoder, type Encoder, isEncoder, loadEncoder, loadModel, type ModelFile } from '@tersor/models'
import { calibrateBlocks } from '../calibration/calibrate-blocks.ts'
import { hasHead } from '../calibration/has-head.ts'
import type { Entry } from './journal.ts'
import { kindsOf } from './kinds.ts'
import { needsOf } from './needs.ts'
import type { Walk } from './walk.ts'

/**
 * Calibrated methods: walks the model block by block, and compresses all weights of a block before the inputs of the next one are
 * computed. A weight that a run before has finished is read from the journal, so that what follows sees the same numbers.
 */
export async function walkBlocks(walk: Walk): Promise<void> {
  const { settings, rules, model: source } = walk.work
  const { calibration = [], device = reference } = settings
  const { signal } = walk.options
  const statistics = (name: string): readonly StatisticName[] =>
    walk.isDone(name) ? [] : needsOf((rules.get(name)?.use ?? []).map(({ method }) => method))
  if (!source.names.some(name => statistics(name).length > 0)) return
  const model = await loaded(source, device)
  let calibrated = model
  try {
    const head = hasHead(model) && statistics(model.headWeight).length > 0
    calibrated = await calibrateBlocks(model, calibration, { statistics, head, signal }, async block => {
      const replaced = new Map<string, Tensor | Encoded>()
      for (const name of block.weights.keys()) {
        const done = walk.journal.get(name)
        const gathered = block.statistics.get(name)
        replaced.set(name, done === undefined ? await walk.compress(name, gathered) : await read(walk, done))
      }
      return replaced
    })
  } finally {
    // What lies on the reference may be the source's own.
    if (device !== reference) for (const held of new Set([calibrated, model])) held.dispose()
  }
}

function loaded(source: ModelFile, device: Device): Promise<Decoder | Encoder> {
  const { config } = source
  return config !== undefined && isEncoder(config)
    ? loadEncoder(source, { device })
    : loadModel(source, { device })
}

async function read({ journal, work }: Walk, entry: Entry): Promise<Tensor | Encoded> {
  const file = await openSafetensors(journal.pathOf(entry))
  try {
    return await loadWeight(file, work.model.storedName(entry.key), { kinds: kindsOf(work) })
  } finally {
    await file.close()
  }
}
