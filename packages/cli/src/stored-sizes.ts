import { sizeOf } from '@tersor/core-tensor'
import { sizeReport, type TensorSize } from '@tersor/eval'
import type { ModelFile } from '@tersor/models'
import { kinds } from './method-lists.ts'

/**
 * What every weight takes as it is stored. Only weights in encodings of Tersor's are read, whose metadata count; of others the
 * file's header says it all.
 */
export async function* storedSizes(file: ModelFile): AsyncGenerator<TensorSize> {
  for (const name of file.names) {
    const { type, dims, byteLength: bytes, compressed, spelled } = file.info(name)
    if (kinds.some(({ kind }) => kind === compressed)) {
      yield* sizeReport([[name, await file.load(name)]]).tensors
      continue
    }
    const elements = sizeOf(dims)
    const bitsPerWeight = elements === 0 ? 0 : (8 * bytes) / elements
    yield { name, encoding: compressed ?? type ?? spelled ?? 'unknown', dims, elements, bytes, bitsPerWeight }
  }
}
