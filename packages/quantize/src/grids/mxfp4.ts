import {
  bytesOf,
  canonicalJson,
  codebook,
  type Device,
  type Encoded,
  packedRowBytes,
  sizeOf,
  Tensor,
} from '@tersor/core-tensor'
import type { Agreement } from './agreement.ts'
import type { Grid, GroupLayout } from './grid.ts'
import { packedCodes } from './packed-codes.ts'

/** The values of float4 e2m1 by their bits: a sign, two bits of exponent, one of mantissa. */
export const FLOAT4_VALUES: readonly number[] = /* @__PURE__ */ Object.freeze([
  0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6,
])

/** The exponent of the largest float4: 6 = 1.5 · 2². */
const LARGEST_EXPONENT = 2
/** What an 8-bit exponent reaches. */
const [MIN_EXPONENT, MAX_EXPONENT] = [-126, 127]

/**
 * Floats of 4 bits that share a power of two: the microscaling format of the Open Compute Project (OCP MX 1.0, 2023; Rouhani et al.,
 * 2023, arXiv:2310.10537). The power is the one of the largest weight of a group less 2, so that what lies above 6 of these steps
 * becomes 6.
 *
 * @param agreed  with other slices of a weight
 * @example
 * const grid = mxfp4Grid()
 * const range = new Float32Array(grid.width)
 * grid.fit([0.3, -5, 7], range, 0)
 * range[0] // => 1
 * grid.value(grid.code(-5, range, 0), range, 0) // => -4
 */
export function mxfp4Grid({ powers }: Agreement = {}): Grid {
  return {
    name: 'mxfp4',
    levels: 16,
    width: 1,
    rangesFirst: false,
    fit(values, ranges, at) {
      let max = 0
      for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]!))
      ranges[at] = max === 0 ? 2 ** MIN_EXPONENT : 2 ** clamp(exponentOf(max) - LARGEST_EXPONENT)
    },
    code(x, ranges, at) {
      const steps = Math.abs(x) / ranges[at]!
      return nearest(steps) + (x < 0 ? 8 : 0)
    },
    value: (code, ranges, at) => FLOAT4_VALUES[code]! * ranges[at]!,
    store: (ranges, layout, device) => ({ scale: storedPowers(ranges, layout, device, powers) }),
    encoded(codes, { scale }, { dims, group, axis }, device) {
      const parts = {
        codes: packedCodes(codes, dims, 4, device),
        table: device.upload(new Tensor('float32', FLOAT4_VALUES, [16, 1])),
      }
      return codebook({ ...parts, scale: scale! }, { dims, bits: 4, group, axis })
    },
    size: sizeOfFloats,
  }
}

const clamp = (exponent: number) => Math.min(MAX_EXPONENT, Math.max(MIN_EXPONENT, exponent))

/** ⌊log2 x⌋ of a positive number, from its bits as a float32. */
function exponentOf(x: number): number {
  const [bits] = new Uint32Array(Float32Array.of(x).buffer)
  return (bits! >>> 23) - 127
}

/** The bits of the nearest float4 that is not negative, ties to the even one. */
function nearest(steps: number): number {
  if (steps <= 0.25) return 0
  if (steps < 0.75) return 1
  if (steps <= 1.25) return 2
  if (steps < 1.75) return 3
  if (steps <= 2.5) return 4
  if (steps < 3.5) return 5
  return steps <= 5 ? 6 : 7
}

/** Powers of two as codes of 8 bits into a table of those between the smallest and the largest that occur. */
function storedPowers(
  ranges: Float32Array,
  { rangeDims }: GroupLayout,
  device: Device,
  agreed: Agreement['powers'],
): Encoded {
  const exponents = Array.from(ranges, exponentOf)
  const [from, to] = agreed === undefined ? [] : [exponentOf(agreed[0]), exponentOf(agreed[1])]
  const least = exponents.reduce((a, b) => Math.min(a, b), from ?? MAX_EXPONENT)
  const most = exponents.reduce((a, b) => Math.max(a, b), to ?? least)
  const table = Float32Array.from({ length: most - least + 1 }, (_, i) => 2 ** (least + i))
  const codes = Uint8Array.from(exponents, exponent => exponent - least)
  return codebook(
    {
      codes: packedCodes(codes, rangeDims, 8, device),
      table: device.upload(new Tensor('float32', table, [table.length, 1])),
    },
    { dims: rangeDims, bits: 8 },
  )
}

/** At most: the table of powers has as many entries as there are exponents. */
function sizeOfFloats({ dims, group, axis, rangeDims }: GroupLayout): { bytes: number; exact: boolean } {
  const columns = dims.at(-1)!
  const codes = columns === 0 ? 0 : (sizeOf(dims) / columns) * packedRowBytes(columns, 4)
  const whole = { bits: 8, group: Math.max(1, rangeDims.at(-1)!), axis: rangeDims.length - 1 }
  const scales =
    sizeOf(rangeDims) + bytesOf('float32', MAX_EXPONENT - MIN_EXPONENT + 1) + canonicalJson(whole).length
  return {
    bytes: codes + bytesOf('float32', 16) + canonicalJson({ bits: 4, group, axis }).length + scales,
    exact: false,
  }
}
