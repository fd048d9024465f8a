import { Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'

/**
 * Words (words, out) that hold codes down each column, as rows (out, bytes): since words are little-endian and their codes lie
 * least significant first, the bytes of a column are a packed row as it is.
 */
export function transposedWords(words: Tensor): Tensor {
  const [count = 0, out = 0] = words.dims
  const { buffer, byteOffset, byteLength } = transpose(words, [1, 0]).data
  return new Tensor('uint8', new Uint8Array(buffer, byteOffset, byteLength), [out, 4 * count])
}
