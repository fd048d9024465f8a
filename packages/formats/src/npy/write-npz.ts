import { FormatError, type Tensor } from '@tersor/core-tensor'
import { quoted } from '../quoted.ts'
import { writeZip } from '../zip/write-zip.ts'
import { writeNpy } from './write-npy.ts'

export interface WriteNpzOptions {
  /** Deflate the arrays, as `numpy.savez_compressed` does. Default: false, and the same bytes on every platform. */
  compress?: boolean | undefined
}

/**
 * Writes tensors as a `.npz` archive for `numpy.load`.
 *
 * @param entries  names, without `.npy`, and tensors on host devices
 * @throws {UnsupportedError} for dtypes that NumPy lacks, and archives of 4 GiB and more
 * @throws {FormatError} when a name occurs twice
 * @example
 * const archive = await writeNpz([['w', new Tensor('float32', [1, 2], [2])]])
 * archive.length // => 244
 */
export async function writeNpz(
  entries: Iterable<readonly [name: string, tensor: Tensor]>,
  { compress = false }: WriteNpzOptions = {},
): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const [name, tensor] of entries) {
    if (files.has(`${name}.npy`)) {
      throw new FormatError(`[formats/npz] expected each name once, got ${quoted(name)} twice`)
    }
    files.set(`${name}.npy`, writeNpy(tensor))
  }
  return writeZip([...files], { compress })
}
