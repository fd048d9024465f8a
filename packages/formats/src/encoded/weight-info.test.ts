import { affine, byteLength, dense, FormatError, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { loadWeight } from './load-weight.ts'
import { weightInfo } from './weight-info.ts'

describe('weightInfo', () => {
  it('says of every weight what it is before it is read', async () => {
    const codes = new Tensor('uint8', [0x21, 0x43], [1, 2])
    const scale = new Tensor('float32', [1, 1], [1, 2])
    const file = await openSafetensors(
      encodeSafetensors([
        ['plain', new Tensor('float32', [1, 2], [2, 1])],
        ['packed', new Tensor('int4', Uint8Array.of(0x21, 3), [3])],
        ['grouped', affine({ codes, scale }, { dims: [1, 4], bits: 4, group: 2, axis: 1 })],
        ['narrow', dense(new Tensor('int8', [1, 2], [2]))],
      ]),
    )
    expect(weightInfo(file, 'plain')).toEqual({ type: 'float32', dims: [2, 1], byteLength: 8 })
    expect(weightInfo(file, 'packed')).toEqual({ type: 'int4', dims: [3], byteLength: 2 })
    const grouped = { type: 'float32', dims: [1, 4], byteLength: 10, compressed: 'affine' }
    expect(weightInfo(file, 'grouped')).toMatchObject(grouped)
    const narrow = { type: 'float32', dims: [2], byteLength: 2, compressed: 'dense' }
    expect(weightInfo(file, 'narrow')).toMatchObject(narrow)
    for (const name of ['grouped', 'narrow']) {
      const { byteLength: stored, metadataLength = 0 } = weightInfo(file, name)
      expect(stored + metadataLength).toBe(byteLength(await loadWeight(file, name)))
    }
    expect(() => weightInfo(file, 'w')).toThrow(FormatError)
  })
})
