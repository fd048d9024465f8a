import { describe, expect, it } from 'vitest'
import { DeviceError, DTypeError, ShapeError } from '../errors.ts'
import { reference } from '../tensor/tensor.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
import { remoteDevice } from '../testing/remote-device.ts'
import { asTensor, requireHost, Tensor } from './tensor.ts'

describe('Tensor', () => {
  it('wraps arrays without a copy and holds numbers in its own array', () => {
    const data = new Float32Array([1, 2, 3, 4, 5, 6])
    const x = new Tensor('float32', data, [2, 3])
    expect([x.size, x.byteLength, x.dims, x.device]).toEqual([6, 24, [2, 3], reference])
    expect(x.data.buffer).toBe(data.buffer)
    expect(new Tensor('int64', [1, -2], [2]).data).toEqual(BigInt64Array.of(1n, -2n))
    expect(new Tensor('float32', [7], []).size).toBe(1)
  })

  it('copies arrays that its element type cannot view where they begin', () => {
    const bytes = new Uint8Array(9)
    bytes.set(new Uint8Array(new Float32Array([1.5, 2.5]).buffer), 1)
    expect(new Tensor('float32', bytes.subarray(1), [2]).data).toEqual(new Float32Array([1.5, 2.5]))
  })

  it('shows rows and other shapes as views', () => {
    const x = new Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2])
    const rows = x.rows(1, 3)
    rows.data[0] = 30
    expect([...x.data]).toEqual([1, 2, 30, 4, 5, 6])
    expect([...rows.reshape([4]).rows(3, 4).data]).toEqual([6])
    expect(x.rows(3, 3).dims).toEqual([0, 2])
    expect([...new Tensor('int4', Uint8Array.of(0x21, 0x43), [2, 2]).rows(1, 2).data]).toEqual([0x43])
  })

  it('frees its memory, but views free nothing', () => {
    const x = new Tensor('float32', [1, 2], [2])
    x.rows(0, 1).dispose()
    expect(x.data[0]).toBe(1)
    const view = x.reshape([2, 1])
    x.dispose()
    x[Symbol.dispose]()
    expect(() => view.data).toThrow(DeviceError)
  })

  it('moves between devices', async () => {
    const device = new GrowingDevice()
    const x = new Tensor('float32', [1, 2], [2])
    const there = await x.to(device)
    expect([there.device, await x.to(reference)]).toEqual([device, x])
    expect((await there.to(reference)).data).toEqual(x.data)
    const out = new Float32Array(2)
    expect(await there.read(out)).toBe(out)
    await expect(there.read(new Float32Array(3))).rejects.toThrow(ShapeError)
  })

  it('says what is wrong', () => {
    const x = new Tensor('float32', [1, 2, 3, 4], [2, 2])
    const bad: [() => unknown, new (...args: never[]) => Error, string][] = [
      [
        () => new Tensor('float32', [1, 2], [3]),
        ShapeError,
        '[Tensor] expected 12 bytes for float32 [3], got 8',
      ],
      [() => new Tensor('float32', [], [-1]), ShapeError, 'whole dimensions'],
      [() => new Tensor('float32', [], [0.5]), ShapeError, 'whole dimensions'],
      [() => new Tensor('float32', [], [2 ** 30, 2 ** 30, 0]), ShapeError, 'fewer than 2^53'],
      [() => new Tensor('string' as never, [], [0]), DTypeError, "got 'string'"],
      [() => new Tensor('toString' as never, [], [0]), DTypeError, "got 'toString'"],
      [() => new Tensor('float16', [1], [1]), DTypeError, 'packed bits'],
      [() => new Tensor('int4', [1], [1]), DTypeError, 'packed bits'],
      [() => new Tensor('uint8', [256], [1]), DTypeError, 'numbers for uint8, got 256'],
      [() => new Tensor('int32', [1.5], [1]), DTypeError, 'got 1.5'],
      [() => new Tensor('int64', [NaN], [1]), DTypeError, 'got NaN'],
      [() => x.reshape([3]), ShapeError, '[Tensor.reshape] expected 4 elements as in [2,2], got [3]'],
      [() => x.rows(1, 3), ShapeError, '[Tensor.rows] expected 0 ≤ start ≤ end ≤ 2, got 1 to 3'],
      [() => x.rows(2, 1), ShapeError, 'got 2 to 1'],
      [() => new Tensor('int4', new Uint8Array(5), [3, 3]).rows(1, 2), ShapeError, 'starts inside a byte'],
    ]
    for (const [run, kind, text] of bad) {
      expect(run, text).toThrow(kind)
      expect(run).toThrow(text)
    }
  })
})

describe('scope', () => {
  it('keeps what it returns, however deep, and frees the rest also when it throws', () => {
    let lost = new Tensor('float32', [0], [1])
    const kept = reference.scope(() => {
      lost = reference.empty('float32', [2])
      return {
        list: [reference.empty('float32', [1])],
        map: new Map([['a', reference.empty('int8', [3]).reshape([3, 1])]]),
      }
    })
    expect([kept.list[0]!.data.length, kept.map.get('a')!.data.length]).toEqual([1, 3])
    expect(() => lost.data).toThrow(DeviceError)
    const fail = () =>
      reference.scope(() => {
        lost = reference.empty('float32', [2])
        throw new RangeError('on purpose')
      })
    expect(fail).toThrow(RangeError)
    expect(() => lost.data).toThrow(DeviceError)
  })

  it('leaves tensors alone that it did not make, and hands those of an inner one to the outer', () => {
    const outside = reference.empty('float32', [1])
    let inner = outside
    reference.scope(() => {
      inner = reference.scope(() => reference.empty('float32', [1]))
      expect(inner.data.length + outside.data.length).toBe(2)
    })
    expect(outside.data.length).toBe(1)
    expect(() => inner.data).toThrow(DeviceError)
  })

  it('refuses asynchronous code', () => {
    expect(() => reference.scope(async () => 1)).toThrow(
      '[Device.scope] expected synchronous code, got a promise',
    )
  })
})

describe('asTensor and requireHost', () => {
  it('share host memory, upload elsewhere, and refuse what is remote', () => {
    const data = new Float32Array([1, 2])
    const like = { type: 'float32', dims: [2], data }
    const x = asTensor(like)
    expect(x.data.buffer).toBe(data.buffer)
    expect(asTensor(x)).toBe(x)
    expect(asTensor(like, new GrowingDevice()).device.name).toBe('growing')
    expect(() => asTensor({ ...like, type: 'string' })).toThrow(DTypeError)
    const remote = remoteDevice().empty('float32', [2])
    expect(() => requireHost(remote, 'quantize/gptq')).toThrow(
      '[quantize/gptq] expected a tensor on a host device, got one on remote',
    )
    expect(() => remote.data).toThrow(DeviceError)
    expect(() => requireHost(x, 'test')).not.toThrow()
  })
})
