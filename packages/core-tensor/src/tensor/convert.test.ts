import { describe, expect, it } from 'vitest'
import { DTypeError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { numbersOf, toFloat32, toFloat64, writeNumbers } from './convert.ts'
import type { DType, HostArray } from './dtype.ts'
import { Tensor } from './tensor.ts'

function written(values: readonly number[], type: DType, out: HostArray): (number | bigint)[] {
  writeNumbers(values, type, out)
  return [...out]
}

describe('writeNumbers', () => {
  it('drops the fraction of integers, saturates them, and makes NaN 0', () => {
    const values = [1.9, -1.9, 1e300, -1e300, Infinity, -Infinity, NaN, -0]
    expect(written(values, 'int8', new Int8Array(8))).toEqual([1, -1, 127, -128, 127, -128, 0, 0])
    expect(written(values, 'uint8', new Uint8Array(8))).toEqual([1, 0, 255, 0, 255, 0, 0, 0])
    expect(written(values, 'int16', new Int16Array(8))).toEqual([1, -1, 32767, -32768, 32767, -32768, 0, 0])
    expect(written(values, 'uint16', new Uint16Array(8))).toEqual([1, 0, 65535, 0, 65535, 0, 0, 0])
    expect(written(values, 'int32', new Int32Array(8))).toEqual([
      1,
      -1,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 31 - 1,
      -(2 ** 31),
      0,
      0,
    ])
    expect(written(values, 'uint32', new Uint32Array(8))).toEqual([
      1,
      0,
      2 ** 32 - 1,
      0,
      2 ** 32 - 1,
      0,
      0,
      0,
    ])
    const [low, high] = [-(2n ** 63n), 2n ** 63n - 1n]
    expect(written(values, 'int64', new BigInt64Array(8))).toEqual([1n, -1n, high, low, high, low, 0n, 0n])
    expect(written([2 ** 63, 2 ** 63 - 1024, -(2 ** 63)], 'int64', new BigInt64Array(3))).toEqual([
      high,
      high - 1023n,
      low,
    ])
    expect(written([0, -0, 0.1, NaN, -7], 'bool', new Uint8Array(5))).toEqual([0, 0, 1, 1, 1])
  })

  it('packs 4-bit integers low nibble first, and clears the last one', () => {
    expect(written([1, -2, 7.9, 99, -99], 'int4', new Uint8Array(3).fill(255))).toEqual([0xe1, 0x77, 0x08])
    expect(written([1, 2, 15.9, 99, -99], 'uint4', new Uint8Array(3).fill(255))).toEqual([0x21, 0xff, 0x00])
  })

  it('wants room for exactly these elements', () => {
    expect(() => writeNumbers([1, 2, 3], 'int4', new Uint8Array(3))).toThrow(ShapeError)
    expect(() => writeNumbers([1], 'float16', new Uint16Array(2))).toThrow(
      '[cast] expected an out of 2 bytes for 1 float16, got 4',
    )
  })
})

describe('numbersOf', () => {
  it('shares plain numbers and widens the rest', () => {
    const data = new Float32Array([1, 2])
    expect(numbersOf({ type: 'float32', dims: [2], data })).toBe(data)
    expect([...numbersOf(new Tensor('int4', Uint8Array.of(0x8f, 0x07), [3]))]).toEqual([-1, -8, 7])
    expect([...numbersOf(new Tensor('uint4', Uint8Array.of(0x8f, 0x07), [3]))]).toEqual([15, 8, 7])
    expect([...numbersOf(new Tensor('int64', BigInt64Array.of(-3n, 2n ** 53n), [2]))]).toEqual([-3, 2 ** 53])
    expect([...numbersOf(new Tensor('bool', [1, 0], [2]))]).toEqual([1, 0])
  })

  it('reads other typed arrays by their bytes, wherever they begin', () => {
    const bytes = new Uint8Array(16)
    new DataView(bytes.buffer).setFloat32(3, 1.5, true)
    expect([...numbersOf({ type: 'float32', dims: [1], data: bytes.subarray(3, 7) })]).toEqual([1.5])
    expect([...numbersOf({ type: 'int4', dims: [2], data: Int8Array.of(0x7f) })]).toEqual([-1, 7])
  })

  it('refuses dtypes and lengths that cannot be', () => {
    expect(() => numbersOf({ type: 'string', dims: [1], data: new Uint8Array(1) })).toThrow(DTypeError)
    expect(() => numbersOf({ type: 'float32', dims: [3], data: new Float32Array(2) })).toThrow(ShapeError)
  })
})

describe('toFloat32 and toFloat64', () => {
  it('share what is of their type', () => {
    const [single, double] = [new Tensor('float32', [0.1], [1]), new Tensor('float64', [0.1], [1])]
    expect(toFloat32(single).buffer).toBe(single.data.buffer)
    expect(toFloat64(double).buffer).toBe(double.data.buffer)
    expect([toFloat32(double)[0], toFloat64(single)[0]]).toEqual([Math.fround(0.1), Math.fround(0.1)])
  })
})

describe('cast', () => {
  it('keeps every bit where the dtype stays, also those of NaN', () => {
    const bits = new Tensor('float32', new Uint32Array([0x7fc12345, 0xff800001]), [2])
    expect([...new Uint32Array(cast(bits, 'float32').data.buffer)]).toEqual([0x7fc12345, 0xff800001])
    const wide = new Tensor('int64', BigInt64Array.of(2n ** 53n + 1n), [1])
    expect(cast(wide, 'int64').data).toEqual(wide.data)
  })

  it('refuses an out of another dtype or shape', () => {
    const x = new Tensor('float32', [1, 2], [2])
    expect(() => cast(x, 'int8', { out: new Tensor('int16', [0, 0], [2]) })).toThrow(DTypeError)
    expect(() => cast(x, 'int8', { out: new Tensor('int8', [0, 0], [2, 1]) })).toThrow(ShapeError)
    expect(() => cast(x, 'float31' as never)).toThrow(DTypeError)
  })
})
