import { FormatError, type Tensor } from '@tersor/core-tensor'
import type { Source, SourceOptions } from '../random-access.ts'
import { openNpz } from './open-npz.ts'

/** All arrays are held at once, so an archive that inflates to more is refused. */
const MAX_NPZ_BYTES = 2 ** 32

export interface ReadNpzOptions extends SourceOptions {
  /** The most that all arrays may take. Default: 4 GiB. */
  maxBytes?: number | undefined
}

/**
 * Reads all arrays of a `.npz` archive at once, by their names without `.npy`; {@link openNpz} reads one at a time.
 *
 * @throws {FormatError} when the archive or an array is malformed, or they are larger than `maxBytes`
 * @throws {UnsupportedError} where an array has a dtype that Tersor lacks, or for another method of compression
 * @example
 * const archive = await writeNpz([['w', new Tensor('float32', [1, 2], [2])]])
 * const arrays = await readNpz(archive)
 * arrays.get('w')?.data // => Float32Array [1, 2]
 */
export async function readNpz(from: Source, options: ReadNpzOptions = {}): Promise<Map<string, Tensor>> {
  const { maxBytes = MAX_NPZ_BYTES, ...rest } = options
  const file = await openNpz(from, rest)
  try {
    const total = [...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (total > maxBytes) {
      throw new FormatError(
        `[formats/npz] expected arrays of at most ${maxBytes} bytes, got ${total}; raise maxBytes if you trust the file`,
      )
    }
    const arrays = new Map<string, Tensor>()
    for (const name of file.tensors.keys()) arrays.set(name, await file.read(name, { signal: rest.signal }))
    return arrays
  } finally {
    await file.close()
  }
}
