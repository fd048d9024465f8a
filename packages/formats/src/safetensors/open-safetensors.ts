import { FormatError, ShapeError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { findTensor } from '../find-tensor.ts'
import { quoted } from '../quoted.ts'
import { parseSource, type RandomAccess, type Source, type SourceOptions } from '../random-access.ts'
import { rowRange } from '../row-range.ts'
import type { ReadOptions, TensorInfo, WeightFile } from '../weight-file.ts'
import { MAX_HEADER_BYTES, parseHeader } from './parse-header.ts'

/** The header follows its own length, a uint64. */
const LENGTH_BYTES = 8

export interface SafetensorsInfo extends TensorInfo {
  /** As the file spells it: F32, BF16, F8_E4M3, …; possibly one that `read` does not support, as U64 and C64. */
  readonly dtype: string
}

export interface SafetensorsFile extends WeightFile<SafetensorsInfo> {
  /** The strings of `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>
  /**
   * The stored bytes of one tensor or some of its rows, whatever its dtype: what `read` refuses, such as U64 or
   * F8_E8M0, is read so. Of a file in memory they are a view, which must not be changed.
   *
   * @throws {FormatError} when the file has no tensor of that name
   * @throws {ShapeError} when it has no such rows, or they begin or end inside a byte
   */
  readBytes(name: string, options?: ReadOptions): Promise<Uint8Array>
}

/**
 * Opens a safetensors file: reads and checks its header, and later each tensor when it is asked for.
 *
 * Tensors are listed in the order of their data. A tensor of a file in memory is a view of it
 * where its alignment allows, else a copy.
 *
 * @throws {FormatError} when lengths, offsets, shapes or names contradict each other or the file
 * @example
 * const bytes = encodeSafetensors([['w', new Tensor('float32', [1, 2, 3, 4], [2, 2])]])
 * const file = await openSafetensors(bytes)
 * file.tensors.get('w')?.dims // => [2, 2]
 * const w = await file.read('w')
 * w.data // => Float32Array [1, 2, 3, 4]
 */
export function openSafetensors(from: Source, options: SourceOptions = {}): Promise<SafetensorsFile> {
  return parseSource(from, options, async source => {
    const { tensors, metadata } = await readHeader(source)
    return {
      tensors,
      metadata,
      async read(name, options = {}) {
        const info = findTensor(tensors, name, 'formats/safetensors')
        const { type, dtype } = info
        if (type === undefined) {
          throw new UnsupportedError(
            `[formats/safetensors] expected a dtype that Tersor has for ${quoted(name)}, got ${quoted(dtype)}; ` +
              'convert the tensor first, or take its bytes with readBytes',
          )
        }
        const { dims, start, byteLength } = rowRange(name, info, options, 'formats/safetensors')
        return new Tensor(type, await source.read(info.start + start, byteLength, options.signal), dims)
      },
      async readBytes(name, options = {}) {
        const info = findTensor(tensors, name, 'formats/safetensors')
        const { dtype, dims } = info
        const { start, byteLength } = rowRange(name, info, options, 'formats/safetensors')
        if (!Number.isInteger(start) || !Number.isInteger(byteLength)) {
          throw new ShapeError(
            `[formats/safetensors] expected rows of ${quoted(name)}, ${quoted(dtype)} [${dims}], that begin and end with a byte, ` +
              `got ${options.rows!.join(' to ')}; read the rows around them too`,
          )
        }
        return source.read(info.start + start, byteLength, options.signal)
      },
      close: () => source.close(),
    }
  })
}

/** The header of a file, with the place of every tensor. */
export async function readHeader(source: RandomAccess) {
  if (source.byteLength < LENGTH_BYTES) {
    throw new FormatError(
      `[formats/safetensors] expected at least ${LENGTH_BYTES} bytes, got ${source.byteLength}`,
    )
  }
  const prefix = await source.read(0, LENGTH_BYTES)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES || length > source.byteLength - LENGTH_BYTES) {
    throw new FormatError(
      `[formats/safetensors] expected a header of at most ${Math.min(MAX_HEADER_BYTES, source.byteLength - LENGTH_BYTES)} bytes, ` +
        `got ${length}; is this a safetensors file, and whole?`,
    )
  }
  const dataStart = LENGTH_BYTES + Number(length)
  return parseHeader(await source.read(LENGTH_BYTES, Number(length)), dataStart, source.byteLength)
}
