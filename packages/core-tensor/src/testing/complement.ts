import { type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded/encoded.ts'
import { malformed, rowRange, shapedPart, tensorPart } from '../encoded/parts.ts'
import { cast } from '../reference/cast.ts'
import { hostArrayOf } from '../tensor/dtype.ts'
import { Tensor } from '../tensor/tensor.ts'

/**
 * Integers of whole bytes with every bit turned: the smallest encoding that has to be decoded before
 * its codes can be used. For host devices.
 */
export function complement(x: Tensor): Encoded {
  const turned = x.device.upload(new Tensor(x.type, turnedBits(x), x.dims))
  return encoded(complementEncoding, x.type, x.dims, { turned }, {})
}

export const complementEncoding: Encoding = Object.freeze({
  kind: 'complement',

  check(e: Encoded): void {
    if (!/int(8|16|32)$/.test(e.type)) throw malformed(e, 'expected integers')
    shapedPart(e, 'turned', e.dims, e.type)
  },

  decode(e: Encoded, options: DecodeOptions = {}): Tensor {
    const rows = tensorPart(e, 'turned').rows(...rowRange(e, options))
    const made = rows.device.upload(new Tensor(e.type, turnedBits(rows), rows.dims))
    return options.out === undefined ? made : cast(made, options.out.type, { out: options.out })
  },
})

function turnedBits({ type, data }: Tensor) {
  return new (hostArrayOf(type))(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).map(byte => ~byte).buffer,
  )
}
