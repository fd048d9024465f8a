import { describe, expect, it } from 'vitest'
import { linear } from '../encoded/encoded.ts'
import { dense } from '../encoded/kinds/dense.ts'
import * as errors from '../errors.ts'
import { binary } from '../reference/binary.ts'
import { matmul } from '../reference/matmul.ts'
import { softmax } from '../reference/softmax.ts'
import { Tensor } from '../tensor/tensor.ts'
import { GrowingDevice } from '../testing/growing-device.ts'
import { remoteDevice } from '../testing/remote-device.ts'
import type { Kernels } from './kernels.ts'

const row = new Tensor('float32', [1, 2], [1, 2])

describe('kernel', () => {
  it('runs the reference on a host that lacks it, and counts', () => {
    const device = new GrowingDevice()
    const x = device.upload(row)
    const y = binary('add', x, x)
    expect([y.device, ...y.data]).toEqual([device, 2, 4])
    softmax(x)
    softmax(x)
    expect(Object.fromEntries(device.fallbacks)).toEqual({ binary: 1, softmax: 2 })
  })

  it('runs what the device has', () => {
    const device = new GrowingDevice()
    const calls: unknown[][] = []
    const answer = new Tensor('float32', [42], [1])
    const softmaxOfDevice: Kernels['softmax'] = (...args) => {
      calls.push(args)
      return answer
    }
    Object.assign(device.kernels, { softmax: softmaxOfDevice })
    const x = device.upload(row)
    const options = { out: x }
    expect(softmax(x, options)).toBe(answer)
    expect(calls).toEqual([[x, options]])
    expect(device.fallbacks.size).toBe(0)
  })

  it('refuses tensors of different devices, also inside options and encodings', () => {
    const there = new GrowingDevice().upload(row)
    expect(() => binary('add', row, there)).toThrow(errors.DeviceError)
    expect(() => binary('add', row, row, { out: there })).toThrow(
      '[binary] expected all tensors on one device, got reference and growing',
    )
    expect(() => linear(there, dense(row))).toThrow(errors.DeviceError)
  })

  it('refuses what a remote device lacks', () => {
    const remote = remoteDevice().upload(row)
    expect(() => matmul(remote, remote, { transposeB: true })).toThrow(errors.UnsupportedError)
    expect(() => softmax(remote)).toThrow(
      '[softmax] remote does not offer it; move the tensors to a host device',
    )
  })
})

describe('errors', () => {
  it('have a code, a name and a text', () => {
    const { TersorError, ...kinds } = errors
    const seen = Object.entries(kinds).map(([name, Kind]) => {
      const error = new Kind('[where] what')
      expect(error).toBeInstanceOf(TersorError)
      expect(error).toBeInstanceOf(Error)
      expect(String(error)).toBe(`${name}: [where] what`)
      return error.code
    })
    expect(seen.sort()).toEqual(['DEVICE', 'DTYPE', 'FILE', 'FORMAT', 'NUMERICAL', 'SHAPE', 'UNSUPPORTED'])
  })
})
