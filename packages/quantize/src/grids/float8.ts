import {
  bytesOf,
  canonicalJson,
  decodeNarrow,
  dense,
  encodeNarrow,
  narrowFloats,
  scaled,
  sizeOf,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import type { Grid } from './grid.ts'

/** Formats of 8-bit floats: three bits of mantissa and up to 448, or two and up to 57344. */
export type Float8Format = 'e4m3fn' | 'e5m2'

/**
 * Floats of 8 bits times a float32 scale that puts the largest weight on the format's largest value; a scale a row, or one for the
 * whole tensor.
 *
 * @throws {UnsupportedError} in `store`, for smaller groups
 * @example
 * float8Grid('e5m2').levels // => 256
 */
export function float8Grid(format: Float8Format = 'e4m3fn', where = 'quantize/float8'): Grid {
  const type = format === 'e4m3fn' ? 'float8e4m3fn' : 'float8e5m2'
  const largest = decodeNarrow(format === 'e4m3fn' ? 0x7e : 0x7b, narrowFloats[type])
  const values = Float32Array.from({ length: 256 }, (_, bits) => decodeNarrow(bits, narrowFloats[type]))
  return {
    name: 'float8',
    levels: 256,
    width: 1,
    rangesFirst: false,
    fit(weights, ranges, at) {
      let max = 0
      for (let i = 0; i < weights.length; i++) max = Math.max(max, Math.abs(weights[i]!))
      ranges[at] = max === 0 ? 1 : max / largest
    },
    code: (x, ranges, at) => encodeNarrow(Math.fround(x / ranges[at]!), narrowFloats[type]),
    value: (code, ranges, at) => Math.fround(values[code]! * ranges[at]!),
    store(ranges, { dims, rangeDims }, device) {
      const count = sizeOf(rangeDims)
      if (count !== 1 && count !== dims[0]) {
        throw new UnsupportedError(
          `[${where}] expected a scale for each row or one in all, got ${count} for [${dims}]; use groupSize 'channel' or 'tensor'`,
        )
      }
      return { scale: device.upload(new Tensor('float32', ranges.slice(), [count])) }
    },
    encoded(codes, { scale }, { dims }, device) {
      return scaled(dense(device.upload(new Tensor(type, codes, dims))), scale!, 0)
    },
    size: ({ dims, rangeDims }) => ({
      bytes: sizeOf(dims) + bytesOf('float32', sizeOf(rangeDims)) + canonicalJson({ axis: 0 }).length + 2,
      exact: true,
    }),
  }
}
