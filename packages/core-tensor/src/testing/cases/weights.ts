import { expect } from 'vitest'
import type { Device } from '../../device/device.ts'
import { type Encoded, type LinearOptions, linear } from '../../encoded/encoded.ts'
import { Rng } from '../../rng.ts'
import { packedRowBytes } from '../../tensor/bits.ts'
import { aroundAxis, sizeOf } from '../../tensor/dims.ts'
import { expectElements, numbersIn, random, sameBytes } from './fixtures.ts'
import { sharedResult } from './shared-result.ts'

/** An encoded weight with the values that it stands for. */
export interface Weight {
  encoded: Encoded
  values: number[]
}

/** Codes as a stream of bits, least significant first, by strings; every row starts on a byte. */
export function packed(codes: readonly number[], columns: number, bits: number): number[] {
  const bytes: number[] = []
  for (let row = 0; row * columns < codes.length; row++) {
    let stream = ''
    for (const code of codes.slice(row * columns, (row + 1) * columns))
      stream = code.toString(2).padStart(bits, '0') + stream
    const rowBytes = packedRowBytes(columns, bits)
    stream = stream.padStart(8 * rowBytes, '0')
    for (let i = rowBytes; i > 0; i--) bytes.push(Number.parseInt(stream.slice(8 * i - 8, 8 * i), 2))
  }
  return bytes
}

/** Which group each element of `dims` is in, by coordinates. */
export function groupsOf(dims: readonly number[], group: number, axis: number): number[] {
  const { length, inner } = aroundAxis(dims, axis, 'case')
  const groups = Math.ceil(length / group)
  return Array.from({ length: sizeOf(dims) }, (_, i) => {
    const along = Math.floor(i / inner) % length
    return (Math.floor(i / (inner * length)) * groups + Math.floor(along / group)) * inner + (i % inner)
  })
}

/** `linear` by its definition in float64. */
function product(
  x: Float64Array,
  w: Float64Array,
  [m, k, n]: readonly [number, number, number],
  transpose: boolean,
): Float64Array {
  return sharedResult('linear', [[m, k, n, transpose ? 1 : 0], x, w], () => {
    const y = new Float64Array(m * n)
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let p = 0; p < k; p++) sum += x[i * k + p]! * w[transpose ? p * n + j : j * k + p]!
        y[i * n + j] = sum
      }
    }
    return y
  })
}

/** Both transpositions, one row and many, out and accumulate; rows in sequence do not depend on each other. */
export async function linearConforms(device: Device, w: Encoded, values: ArrayLike<number>): Promise<void> {
  const run = (x: Parameters<typeof linear>[0], options: LinearOptions) => linear(x, w, options)
  const whole = Float64Array.from(values)
  for (const transpose of [false, true]) {
    const [n, k] = transpose ? [w.dims[1]!, w.dims[0]!] : [w.dims[0]!, w.dims[1]!]
    for (const m of [1, 3, 9]) {
      const x = random(device, new Rng(52 + m), [m, k])
      const data = await numbersIn(x)
      const expected = product(data, whole, [m, k, n], transpose)
      const close = { dims: [m, n], rtol: 1e-4, atol: 1e-4 }
      const y = run(x, { transpose })
      await expectElements(y, expected, close)
      expect(run(x, { transpose, out: y, accumulate: true })).toBe(y)
      await expectElements(
        y,
        expected.map(value => 2 * value),
        close,
      )
      if (!device.host) continue
      const ordered = run(x, { transpose, order: 'sequential' })
      await expectElements(ordered, expected, close)
      const last = await run(x.rows(m - 1, m), { transpose, order: 'sequential' }).read()
      expect(sameBytes(last, await ordered.rows(m - 1, m).read())).toBe(true)
    }
  }
}
