import { isFloat } from '../tensor/dtype.ts'
import { decode, type Encoded, isEncoded } from './encoded.ts'
import { mapParts } from './map-parts.ts'

/** The same encoding with its encoded integers decoded, such as codes that an entropy coder made shorter. */
export function plainIntegers(e: Encoded): Encoded {
  return mapParts(e, part => (isEncoded(part) && !isFloat(part.type) ? decode(part) : part))
}
