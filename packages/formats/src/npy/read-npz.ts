import { FormatError, type Tensor } from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'
import { openSource, type Source, type SourceOptions } from '../random-access.ts'
import { openZip } from '../zip/open-zip.ts'
import { readNpy } from './read-npy.ts'

/** All arrays are held at once, so an archive that inflates to more is refused. */
const MAX_NPZ_BYTES = 2 ** 32

export interface ReadNpzOptions extends SourceOptions {
  /** The most that all arrays may take. Default: 4 GiB. */
  maxBytes?: number | undefined
}

/**
 * Reads all arrays of a `.npz` archive, from `numpy.savez` or `numpy.savez_compressed`, by their names without `.npy`.
 *
 * @throws {FormatError} when the archive or an array is malformed, or they are larger than `maxBytes`
 * @throws {UnsupportedError} for a dtype that Tersor lacks, or another method of compression
 * @example
 * const archive = await writeNpz([['w', new Tensor('float32', [1, 2], [2])]])
 * const arrays = await readNpz(archive)
 * arrays.get('w')?.data // => Float32Array [1, 2]
 */
export async function readNpz(from: Source, options: ReadNpzOptions = {}): Promise<Map<string, Tensor>> {
  const { maxBytes = MAX_NPZ_BYTES, ...rest } = options
  const source = await openSource(from, rest)
  try {
    const entries = await openZip(source)
    const total = entries.reduce((sum, { size }) => sum + size, 0)
    if (total > maxBytes) {
      throw new FormatError(
        `[formats/npz] expected arrays of at most ${maxBytes} bytes, got ${total}; raise maxBytes if you trust the file`,
      )
    }
    const arrays = new Map<string, Tensor>()
    for (const { name, read } of entries) {
      if (!name.endsWith('.npy'))
        throw new FormatError(`[formats/npz] expected .npy arrays only, got ${quoted(name)}`)
      arrays.set(name.slice(0, -4), readNpy(await read()))
    }
    return arrays
  } finally {
    await source.close()
  }
}
