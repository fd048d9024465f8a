import type { Tensor } from '../tensor/tensor.ts'
import type { Encoded } from './encoded.ts'
import { withParts } from './with-parts.ts'

/** The same encoding with every part changed; itself where no part is. */
export function mapParts(e: Encoded, change: (part: Tensor | Encoded) => Tensor | Encoded): Encoded {
  return withParts(e, Object.fromEntries(Object.entries(e.parts).map(([name, part]) => [name, change(part)])))
}
