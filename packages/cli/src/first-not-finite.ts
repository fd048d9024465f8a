import { decode, isEncoded, isFloat, toFloat32 } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'

/** The first weight of a file that holds NaN or infinity, in words: `'norm' holds NaN at 3`. */
export async function firstNotFinite(file: ModelFile): Promise<string | undefined> {
  for (const name of file.names) {
    const weight = await file.load(name)
    const values = isEncoded(weight) ? decode(weight) : weight
    if (!isFloat(values.type)) continue
    const floats = toFloat32(values)
    const at = floats.findIndex(value => !Number.isFinite(value))
    if (at >= 0) return `'${name}' holds ${floats[at]} at ${at}`
  }
  return undefined
}
