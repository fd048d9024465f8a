import { decode, isEncoded, Tensor, toFloat32 } from '@tersor/core-tensor'
import type { Decoder } from '../decoder/decoder.ts'

/** A copy of a weight in float32, decoded where it is compressed. */
export function floatCopy({ weights }: Pick<Decoder, 'weights'>, name: string): Tensor {
  const held = weights.get(name)!
  const weight = isEncoded(held) ? decode(held) : held
  return new Tensor('float32', toFloat32(weight).slice(), weight.dims)
}

/** The matrices of a branch that read what its norm makes, where `prefix` is that of its roles. */
export function readersOf({ weights }: Pick<Decoder, 'weights'>, prefix: string): string[] {
  const reads = /^(query|key|value|gate|up|router|(experts\.\d+|shared)\.(gate|up)|shared\.router|input)$/
  return [...weights.keys()].filter(name => name.startsWith(prefix) && reads.test(name.slice(prefix.length)))
}

/** Multiplies the columns of a matrix in place, by a factor for each. */
export function scaleColumns(weight: Tensor, factors: ArrayLike<number>): Tensor {
  const values = weight.data as Float32Array
  const width = factors.length
  for (let at = 0; at < values.length; at++) values[at]! *= factors[at % width]!
  return weight
}

/** Multiplies the rows of a matrix, or the elements of a vector, in place. */
export function scaleRows(weight: Tensor, factors: ArrayLike<number>): Tensor {
  const values = weight.data as Float32Array
  const width = values.length / factors.length
  for (let at = 0; at < values.length; at++) values[at]! *= factors[Math.floor(at / width)]!
  return weight
}
