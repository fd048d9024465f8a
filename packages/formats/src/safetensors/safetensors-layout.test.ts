import { dense, type Encoded, sum, Tensor } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { encodeSafetensors } from './encode-safetensors.ts'
import { safetensorsLayout } from './safetensors-layout.ts'

const shared = new Tensor('float32', [1, 2], [2])
const entries: [string, Tensor | Encoded][] = [
  ['bytes', new Tensor('uint8', [7, 8, 9], [3])],
  ['twice', sum(dense(shared), dense(shared))],
  ['half', dense(new Tensor('float16', new Uint16Array([0x3c00, 0x4000]), [2]))],
]

it('says where the bytes of encodeSafetensors lie, metadata and shared parts included', () => {
  const metadata = { format: 'pt', made: 'here' }
  const { header, offsets, byteLength } = safetensorsLayout<Tensor>(entries, { metadata })
  const file = new Uint8Array(byteLength)
  file.set(header)
  for (const [tensor, offset] of offsets) {
    const { buffer, byteOffset, byteLength } = tensor.data
    file.set(new Uint8Array(buffer, byteOffset, byteLength), offset)
  }
  expect(file).toEqual(encodeSafetensors(entries, { metadata }))
  expect(offsets.size).toBe(3)
})
