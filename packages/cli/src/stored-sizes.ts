import { sizeOf } from '@tersor/core-tensor'
import type { TensorSize } from '@tersor/eval'
import type { ModelFile } from '@tersor/models'

/** What every weight takes as it is stored, metadata of encodings included, by the header of the file: no weight is read. */
export function* storedSizes(file: ModelFile): Generator<TensorSize> {
  for (const name of file.names) {
    const { type, dims, byteLength, compressed, spelled, metadataLength = 0 } = file.info(name)
    const elements = sizeOf(dims)
    const bytes = byteLength + metadataLength
    const bitsPerWeight = elements === 0 ? 0 : (8 * bytes) / elements
    yield { name, encoding: compressed ?? type ?? spelled ?? 'unknown', dims, elements, bytes, bitsPerWeight }
  }
}
