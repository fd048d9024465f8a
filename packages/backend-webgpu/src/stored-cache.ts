import { affineEncoding, decode, denseEncoding, type Encoded, isEncoded, Tensor } from '@tersor/core-tensor'
import { groupedCache, type StoredWeight } from './stored-weight.ts'

/** Keys and values, decoded one after the other where they have more parts than a kernel may bind. */
export function storedBoth(
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  most: number,
): { k: StoredWeight; v: StoredWeight } {
  const parts = ({ inputs }: StoredWeight) => Object.values(inputs).filter(part => part !== undefined).length
  const keys = storedOf(k, 'k')
  const values = storedOf(v, 'v')
  if (parts(keys) + parts(values) <= most) return { k: keys, v: values }
  const plain = storedOf(decode(v), 'v')
  return { k: parts(keys) + 1 <= most ? keys : storedOf(decode(k), 'k'), v: plain }
}

/** Keys or values as `${prefix}weight(head, token, d)`: plain numbers and affine codes as they are, the rest decoded. */
function storedOf(x: Tensor | Encoded, prefix: string): StoredWeight {
  if (isEncoded(x) && x.encoding === affineEncoding && x.parts.codes instanceof Tensor)
    return groupedCache(x, prefix)
  const plain =
    isEncoded(x) && x.encoding === denseEncoding && x.type === 'float32' && x.parts.values instanceof Tensor
      ? x.parts.values
      : decode(x)
  return {
    key: 'plain',
    inputs: { [prefix]: plain },
    params: {},
    unit: 1,
    globals: () =>
      `fn ${prefix}weight(head: u32, token: u32, d: u32) -> f32 { return f32(${prefix}((head * p.capacity + token) * p.head_dim + d)); }\n`,
  }
}
