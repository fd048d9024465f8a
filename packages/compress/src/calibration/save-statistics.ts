import { createSafetensorsWriter } from '@tersor/formats'
import type { ModelStatistics } from './model-statistics.ts'

/**
 * Writes statistics as a safetensors file; `loadStatistics` reads it. Where there is no file system,
 * `encodeSafetensors(statistics.toTensors(), { metadata: statistics.metadata })` gives the same bytes.
 *
 * @param path  a path or a `file:` URL
 * @example
 * const statistics = new ModelStatistics()
 * await statistics.collect(['q', 'k'], new Tensor('float32', [1, 2], [1, 2]), { statistics: ['absMax'] })
 * await saveStatistics('here.safetensors', statistics)
 * const loaded = await loadStatistics('here.safetensors')
 * loaded.get('k')?.absMax?.data // => Float64Array [1, 2]
 */
export async function saveStatistics(path: string | URL, statistics: ModelStatistics): Promise<void> {
  const writer = await createSafetensorsWriter(path)
  try {
    for (const [name, tensor] of statistics.toTensors()) await writer.write(name, tensor)
    await writer.finish(statistics.metadata)
  } catch (error) {
    await writer.abort()
    throw error
  }
}
