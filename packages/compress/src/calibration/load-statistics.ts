import type { Tensor } from '@tersor/core-tensor'
import { openSafetensors, type Source } from '@tersor/formats'
import { ModelStatistics } from './model-statistics.ts'

/**
 * Statistics from a file that `saveStatistics` wrote.
 *
 * @param from  a path, a URL, bytes, or whatever else `openSafetensors` reads
 * @throws {FormatError} when it is another file, or damaged
 */
export async function loadStatistics(from: Source): Promise<ModelStatistics> {
  const file = await openSafetensors(from)
  try {
    const tensors = new Map<string, Tensor>()
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name))
    return ModelStatistics.fromTensors(tensors, file.metadata)
  } finally {
    await file.close()
  }
}
