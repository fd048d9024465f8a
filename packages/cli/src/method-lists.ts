import { coreKinds, type Encoding, type WeightMethod } from '@tersor/core-tensor'
import { quantizeMethods } from '@tersor/quantize'

/** The methods that recipes and `--method` may name. */
export const methods: readonly WeightMethod[] = [...quantizeMethods]

/** The kinds of encodings that model files may hold: core-tensor's, and those of the methods. */
export const kinds: readonly Encoding[] = [
  ...new Set([...coreKinds, ...methods.flatMap(method => method.kinds)]),
]
