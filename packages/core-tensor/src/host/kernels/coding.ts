import type { DeviceKernels } from '../../device/kernels.ts'
import { FormatError } from '../../errors.ts'
import { packedRowBytes } from '../../tensor/bits.ts'
import { sameDims } from '../../tensor/dims.ts'
import { overlaps, room } from '../output.ts'
import type { Primitives } from '../primitives.ts'

/** `unpackBits` and `ransDecode`, where the device was made with the coding group. */
export function coding(primitives: Primitives): DeviceKernels {
  return {
    unpackBits(packed, { bits, columns, out }) {
      const type = bits <= 8 ? 'uint8' : 'uint16'
      const dims = [...packed.dims.slice(0, -1), columns]
      const rowBytes = packed.dims.at(-1)
      const fits =
        packed.type === 'uint8' &&
        Number.isInteger(bits) &&
        bits >= 1 &&
        bits <= 16 &&
        Number.isSafeInteger(columns) &&
        columns >= 0 &&
        rowBytes === packedRowBytes(columns, bits) &&
        (out === undefined || (out.type === type && sameDims(out.dims, dims) && !overlaps(out, packed)))
      if (!fits) return undefined
      const codes = out ?? room(packed.device, type, dims)
      const rows = columns === 0 ? 0 : codes.size / columns
      primitives.run('unpackBits', [codes], [packed], [rows, columns, bits, bits <= 8 ? 1 : 2])
      return codes
    },

    ransDecode(stream, options) {
      const { out, frequencies, offsets, chunk, precision, lanes } = options
      const chunks = Math.ceil(out.size / chunk)
      const fits =
        // Without symbols there are no shares of the work, and nobody would look whether the stream is sound.
        out.size > 0 &&
        [stream, out].every(({ type }) => type === 'uint8') &&
        frequencies.type === 'uint16' &&
        frequencies.size === 256 &&
        offsets.type === 'uint32' &&
        offsets.size === chunks + 1 &&
        [chunk, precision, lanes].every(count => Number.isSafeInteger(count) && count >= 1) &&
        precision <= 12 &&
        lanes <= 256 &&
        ![stream, frequencies, offsets].some(input => overlaps(out, input))
      if (!fits) return undefined
      const { device } = stream
      const status = device.empty('int32', [1])
      primitives.run(
        'ransDecode',
        [out, status],
        [stream, frequencies, offsets],
        [chunks, Math.min(chunk, out.size), out.size, precision, lanes, stream.byteLength],
      )
      const corrupt = status.data[0] !== 0
      status.dispose()
      if (corrupt) throw new FormatError('[ransDecode] the stream is corrupt, or of other frequencies')
      return out
    },
  }
}
