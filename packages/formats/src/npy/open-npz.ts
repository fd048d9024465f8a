import { bytesOf, FormatError, sizeOf, type Tensor } from '@tersor/core-tensor'
import { findTensor } from '../find-tensor.ts'
import { quoted } from '../quoted.ts'
import { parseSource, type Source, type SourceOptions } from '../random-access.ts'
import { rowRange } from '../row-range.ts'
import type { ReadOptions, TensorInfo, WeightFile } from '../weight-file.ts'
import { openZip, type ZipEntry } from '../zip/open-zip.ts'
import { arrayOf } from './array-of.ts'
import { MAX_START_BYTES, type NpyHeader, npyHeader, refuseDtype } from './npy-header.ts'

/** An array of an archive. */
export interface NpzInfo extends TensorInfo {
  /** As NumPy spells the dtype, such as `<f4`; possibly one that `read` does not support, as `<u8` and `|O`. */
  readonly descr: string
}

type Placed = NpzInfo & { readonly header: NpyHeader; readonly entry: ZipEntry }

/**
 * Opens a `.npz` archive, from `numpy.savez` or `numpy.savez_compressed`, and lists its arrays by their names without
 * `.npy`; what else lies in it is not listed. Each is read when it is asked for: of one that is stored as it is only
 * the bytes of its rows, of one that is deflated all.
 *
 * @throws {FormatError} when the archive or a header is malformed
 * @throws {UnsupportedError} for another method of compression; of a dtype that Tersor lacks only from `read`
 * @example
 * const archive = await writeNpz([['w', new Tensor('float32', [1, 2, 3, 4], [2, 2])]])
 * const file = await openNpz(archive)
 * file.tensors.get('w')?.dims // => [2, 2]
 * const row = await file.read('w', { rows: [1, 2] })
 * row.data // => Float32Array [3, 4]
 */
export function openNpz(from: Source, options: SourceOptions = {}): Promise<WeightFile<NpzInfo>> {
  return parseSource(from, options, async source => {
    const tensors = new Map<string, Placed>()
    for (const entry of await openZip(source)) {
      if (!entry.name.endsWith('.npy')) continue
      const header = npyHeader(await entry.readStart(MAX_START_BYTES))
      const { type, descr, dims, dataStart } = header
      const byteLength = entry.size - dataStart
      const expected = type === undefined ? byteLength : bytesOf(type, sizeOf(dims))
      if (byteLength !== expected) {
        throw new FormatError(
          `[formats/npz] expected ${expected} bytes of data for ${quoted(entry.name)}, ${type} [${dims}], got ${byteLength}`,
        )
      }
      const info = { type, descr, dims: Object.freeze([...dims]), byteLength }
      tensors.set(entry.name.slice(0, -4), { ...info, header, entry })
    }
    return {
      tensors,
      read: async (name, options = {}) => read(name, findTensor(tensors, name, 'formats/npz'), options),
      close: () => source.close(),
    }
  })
}

async function read(
  name: string,
  { header, entry, ...info }: Placed,
  { signal, ...options }: ReadOptions,
): Promise<Tensor> {
  const { dims, start, byteLength } = rowRange(name, info, options, 'formats/npz')
  if (header.type === undefined) refuseDtype(header.descr)
  // What lies in columns or is deflated has no place for some rows alone.
  if (options.rows !== undefined && !header.fortranOrder && entry.readRange !== undefined) {
    return arrayOf({ ...header, dims }, await entry.readRange(header.dataStart + start, byteLength, signal))
  }
  const whole = arrayOf(header, (await entry.read(signal)).subarray(header.dataStart))
  const shaped = options.flat
    ? whole.reshape(rowRange(name, info, { flat: true }, 'formats/npz').dims)
    : whole
  return options.rows === undefined ? shaped : shaped.rows(...options.rows)
}
