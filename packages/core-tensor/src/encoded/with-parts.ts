import { FormatError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type Encoded, encoded } from './encoded.ts'

/**
 * The same encoding with some of its parts replaced: codes that are compressed further, scales in
 * another type, terms on another device. The others stay; with the parts that it has already, it is
 * returned as it is.
 *
 * @param parts  by the names that `e.parts` has
 * @throws {FormatError} when a name is not one of them, or a part does not fit the rest
 * @example
 * const scale = new Tensor('float32', [0.5, 0.25], [2, 1])
 * const codes = new Tensor('uint8', [33, 67], [2, 1])
 * const weight = affine({ codes, scale }, { dims: [2, 2], bits: 4, group: 2, axis: 1 })
 * const halved = withParts(weight, { scale: dense(cast(scale, 'float16')) })
 * halved.parts.codes === codes // => true
 * decode(halved).data // => Float32Array [0.5, 1, 0.75, 1]
 */
export function withParts(e: Encoded, parts: Readonly<Record<string, Tensor | Encoded>>): Encoded {
  const replaced = Object.keys(parts).filter(name => parts[name] !== e.parts[name])
  const stray = replaced.find(name => !Object.hasOwn(e.parts, name))
  if (stray !== undefined) {
    throw new FormatError(
      `[withParts] expected parts of ${e.encoding.kind} among ${Object.keys(e.parts).join(', ')}, got '${stray}'`,
    )
  }
  return replaced.length === 0 ? e : encoded(e.encoding, e.type, e.dims, { ...e.parts, ...parts }, e.meta)
}
