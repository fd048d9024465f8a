import { expect } from 'vitest'
import type { Device } from '../../device/device.ts'
import type { Rng } from '../../rng.ts'
import { toFloat64, writeNumbers } from '../../tensor/convert.ts'
import { aroundAxis, sizeOf } from '../../tensor/dims.ts'
import { bytesOf, type DType, hostArrayOf } from '../../tensor/dtype.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { allcloseProblem, type Tolerance } from '../allclose.ts'

/** Numbers as a tensor of a device, rounded to the dtype. */
export function upload(
  device: Device,
  type: DType,
  dims: readonly number[],
  values: ArrayLike<number>,
): Tensor {
  return device.upload(hostTensor(type, dims, values))
}

/** Standard normal numbers as a tensor of a device. */
export function random(device: Device, rng: Rng, dims: readonly number[], type: DType = 'float32'): Tensor {
  return upload(device, type, dims, normals(rng, sizeOf(dims)))
}

export function normals(rng: Rng, size: number): Float64Array {
  return Float64Array.from({ length: size }, () => rng.normal())
}

export function hostTensor(type: DType, dims: readonly number[], values: ArrayLike<number>): Tensor {
  const HostArray = hostArrayOf(type)
  const data = new HostArray(bytesOf(type, values.length) / HostArray.BYTES_PER_ELEMENT)
  writeNumbers(values, type, data)
  return new Tensor(type, data, dims)
}

/** The elements of a tensor of any device as float64. */
export async function numbersIn(x: Tensor): Promise<Float64Array> {
  return toFloat64({ type: x.type, dims: x.dims, data: await x.read() })
}

export interface Expectation extends Tolerance {
  dims: readonly number[]
  type?: DType | undefined
}

/** Fails unless a tensor has the dims, the dtype (float32 unless said) and the elements; bit for bit without a tolerance. */
export async function expectElements(
  actual: Tensor,
  expected: ArrayLike<number>,
  { dims, type = 'float32', rtol, atol }: Expectation,
): Promise<void> {
  expect([actual.type, ...actual.dims]).toEqual([type, ...dims])
  if (rtol === undefined && atol === undefined) {
    const want = hostTensor(type, dims, expected)
    if (!sameBytes(await actual.read(), want.data)) {
      expect.fail(
        `not bit-identical: ${allcloseProblem(await numbersIn(actual), toFloat64(want), { rtol: 0, atol: 0 }) ?? 'a zero has the other sign'}`,
      )
    }
    return
  }
  const problem = allcloseProblem(await numbersIn(actual), expected, { rtol: rtol ?? 0, atol: atol ?? 0 })
  if (problem !== undefined) expect.fail(problem)
}

/** Whether two arrays hold the same bytes, all NaNs taken for one. */
export function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [x, y] = [a, b].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
  if (x!.length !== y!.length) return false
  if (x!.every((byte, i) => byte === y![i])) return true
  const floats =
    (a instanceof Float32Array && b instanceof Float32Array) ||
    (a instanceof Float64Array && b instanceof Float64Array)
  return floats && a.every((value, i) => Object.is(value, b[i]))
}

/** The elements along an axis, for every place around it. */
export function columnsOf(x: ArrayLike<number>, dims: readonly number[], axis: number): number[][] {
  const { outer, length, inner } = aroundAxis(dims, axis, 'case')
  return Array.from({ length: outer * inner }, (_, place) =>
    Array.from({ length }, (_, i) => x[(Math.floor(place / inner) * length + i) * inner + (place % inner)]!),
  )
}

/** NaN, both infinities and zeros, the smallest subnormals, the largest numbers, and neighbours of 1. */
export const SPECIALS: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  2 ** -149,
  -(2 ** -149),
  2 ** -126 - 2 ** -149,
  2 ** -126,
  0.5,
  -1.5,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1 + 2 ** -23,
  1 - 2 ** -24,
  65504,
  448,
  57344,
]

/** Sizes that are nothing, one, odd, around tiles of 4, 8, 16 and 64, and larger. */
export const SIZES: readonly number[] = [0, 1, 3, 5, 17, 64, 65, 257]
