import { FormatError, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { ransDecode } from './rans-decode.ts'
import { ransEncode } from './rans-encode.ts'

// What it decodes and refuses stands in testing/rans-cases.ts, which every device runs.
describe('ransDecode', () => {
  const symbols = Uint8Array.from({ length: 500 }, (_, i) => (i * i) % 7)
  const { stream, ...layout } = ransEncode(new Tensor('uint8', symbols, [500]), { chunk: 200 })
  const options = { ...layout, out: new Tensor('uint8', new Uint8Array(500), [500]) }

  it('says which chunk is corrupt, and leaves the output as it was', () => {
    const bytes = (stream.data as Uint8Array).slice()
    bytes[(layout.offsets.data as Uint32Array)[1]! + 2]! ^= 16
    expect(() => ransDecode(new Tensor('uint8', bytes, stream.dims), options)).toThrow(
      new FormatError('[ransDecode] chunk 1 of 3 is corrupt, or of other frequencies'),
    )
    expect(options.out.data).toEqual(new Uint8Array(500))
  })

  it('says what is wrong with frequencies and offsets', () => {
    const frequencies = new Tensor('uint16', new Uint16Array(256), [256])
    expect(() => ransDecode(stream, { ...options, frequencies })).toThrow(
      '[ransDecode] expected frequencies that sum to 4096, got 0',
    )
    const offsets = new Tensor('uint32', [0, 200, 199, 201], [4])
    expect(() => ransDecode(stream, { ...options, offsets })).toThrow(
      /^\[ransDecode\] expected offsets that do not fall, up to \d+, got 199 after 200$/,
    )
  })
})
