import { type Device, type Encoded, reference, type Tensor, UnsupportedError } from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import type { DecoderConfig } from '../decoder/config.ts'
import { residentWeight } from '../decoder/resident-weight.ts'
import { checkModel } from './check-model.ts'
import type { LoadModelOptions } from './load-model.ts'
import type { ModelFile } from './model-file.ts'
import { openModel } from './open-model.ts'

/** A kind of model that files hold. */
interface ModelKind<T> {
  /** Throws for another kind, before weights are read. */
  check(config: DecoderConfig): void
  build(config: DecoderConfig, weights: ReadonlyMap<string, Tensor | Encoded>, device: Device): T
}

/** Reads every weight of a model onto a device, and makes a model of them; frees them where that fails. */
export async function loadWeights<T>(
  from: string | URL | ModelFile,
  { device = reference, ...opening }: LoadModelOptions,
  kind: ModelKind<T>,
): Promise<T> {
  const opened = typeof from === 'string' || from instanceof URL
  const file = opened ? await openModel(from, opening) : from
  const weights = new Map<string, Tensor | Encoded>()
  const made = new Set<Tensor['memory']>()
  try {
    checkModel(file)
    if (file.config === undefined) {
      throw new UnsupportedError(
        '[models/load-model] expected a config.json beside the weights, or a configuration inside, got neither',
      )
    }
    kind.check(file.config)
    for (const name of file.names) {
      opening.signal?.throwIfAborted()
      const stored = await file.load(name)
      const resident = await residentWeight(stored, device)
      weights.set(name, resident)
      for (const { memory } of tensorsOf(resident)) made.add(memory)
      for (const { memory } of tensorsOf(stored)) made.delete(memory)
    }
    return kind.build(file.config, weights, device)
  } catch (error) {
    for (const memory of made) memory.free()
    throw error
  } finally {
    if (opened) await file.close()
  }
}
