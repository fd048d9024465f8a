import { Worker } from 'node:worker_threads'
import {
  byteLength,
  DeviceError,
  linear,
  reference,
  ShapeError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import { primitiveKernels } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { addonPath, loadAddon } from './addon.ts'
import { createNativeDevice, nativeAvailable, nativeIsas } from './native-device.ts'
import { expectSame, normals, TestDevice } from './test-devices.ts'

describe.skipIf(!nativeAvailable())(
  'createNativeDevice (skipped where it is not built: pnpm build:native)',
  () => {
    it('says what it is', async () => {
      const device = await createNativeDevice({ threads: 3 })
      expect(device.info).toEqual({ isa: nativeIsas()[0], threads: 3 })
      expect([device.name, device.host]).toEqual(['native', true])
    })

    it('implements every primitive under its name', async () => {
      const device = await createNativeDevice()
      expect(Object.keys(device.kernels)).toEqual(primitiveKernels())
      expect(new Set(loadAddon()!.primitives()).size).toBe(loadAddon()!.primitives().length)
    })

    it('refuses options that make no sense', async () => {
      await expect(createNativeDevice({ threads: 0 })).rejects.toThrow(ShapeError)
      await expect(createNativeDevice({ threads: 1.5 })).rejects.toThrow(ShapeError)
      await expect(createNativeDevice({ maxBytes: Number.NaN })).rejects.toThrow(ShapeError)
      await expect(createNativeDevice({ isa: 'sve' as never })).rejects.toThrow(UnsupportedError)
    })

    it.each([
      [0, 64],
      [1, 64],
      [1000, 64],
      [2 ** 22, 64],
      [2 ** 24, 2 ** 21],
    ])('aligns %i bytes to %i', async (size, alignment) => {
      const device = await createNativeDevice()
      const { buffer, byteOffset } = device.empty('uint8', [size]).data
      const past = loadAddon()!.misalignment(new Uint8Array(buffer), alignment)
      expect((past + byteOffset) % alignment).toBe(0)
      expect(buffer.byteLength - byteOffset).toBeGreaterThanOrEqual(size)
    })

    it('keeps to maxBytes, counts what is freed, and stays usable', async () => {
      const device = await createNativeDevice({ maxBytes: 1000 })
      const first = device.empty('uint8', [900])
      expect(() => device.empty('uint8', [101])).toThrow(DeviceError)
      first.dispose()
      first.dispose()
      expect(device.empty('uint8', [1000]).size).toBe(1000)
      expect(() => device.empty('uint8', [1])).toThrow('expected at most 1000 bytes')
    })

    it('has a typed error where the system has no memory', async () => {
      const device = await createNativeDevice()
      expect(() => device.empty('float64', [2 ** 50])).toThrow(DeviceError)
      expect(device.empty('float32', [4]).size).toBe(4)
    })

    it('refuses tensors of a disposed device', async () => {
      const device = await createNativeDevice()
      const x = device.upload(new Tensor('float32', [1, 2], [1, 2]))
      device.dispose()
      device.dispose()
      expect(() => x.data).toThrow(DeviceError)
      expect(() => matmul(x, x, { transposeB: true })).toThrow(DeviceError)
      expect(() => device.empty('float32', [1])).toThrow(DeviceError)
    })

    it('refuses tensors of other devices, and stays usable', async () => {
      const device = await createNativeDevice({ threads: 1 })
      const x = device.upload(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
      const foreign = new Tensor('float32', [1, 0, 0, 1], [2, 2])
      expect(() => linear(x, foreign)).toThrow(DeviceError)
      expect(() => linear(foreign, x)).toThrow(DeviceError)
      expect([...linear(x, device.upload(foreign)).data]).toEqual([1, 2, 3, 4])
    })

    it('packs weights without growing them much', async () => {
      const { device } = new TestDevice({})
      expect(device.primitives.packedBytes(4096, 4096, 4, 32, 1, 3)).toBe((4096 * 4096) / 2 + 4096 * 128 * 2)
      expect(device.primitives.packedBytes(4096, 4096, 3, 32, 1, 0)).toBe(
        (4096 * 4096 * 3) / 8 + 4096 * 128 * 2,
      )
      expect(device.primitives.packedBytes(1024, 1024, 4, 2, 1, 0)).toBe(0)
      expect(byteLength(device.upload(new Tensor('float32', [1], [1])))).toBe(4)
    })

    it('reads memory that is shared, and of WebAssembly', () => {
      const t = new TestDevice({ threads: 2 })
      const addon = loadAddon()!
      const y = t.device.empty('float32', [4])
      const UNARY = addon.primitives().indexOf('unary')
      for (const buffer of [new SharedArrayBuffer(64), new WebAssembly.Memory({ initial: 1 }).buffer]) {
        new Float32Array(buffer, 16, 4).set([1, 2, 3, 4])
        expect(addon.run(0, UNARY, 1, y.memory.bytes(), 0, new Uint8Array(buffer), 16, 0, 4)).toBe(0)
        expect(Array.from(y.data as Float32Array)).toEqual([-1, -2, -3, -4])
      }
    })

    it('checks every argument before it touches memory', () => {
      const t = new TestDevice({})
      const addon = loadAddon()!
      const bytes = new Uint8Array(16)
      const UNARY = addon.primitives().indexOf('unary')
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 0, 4)).toBe(0)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 0, 5)).toBe(1)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 4, 0, 4)).toBe(2)
      expect(addon.run(0, UNARY, 1, bytes, 0, undefined, 0, 0, 4)).toBe(2)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 10, 4)).toBe(100)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 0, -1)).toBe(101)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 0, Number.NaN)).toBe(101)
      expect(addon.run(0, UNARY, 1, bytes, 0, bytes, 0, 0, 1e300)).toBe(101)
      const detached = new Uint8Array(16)
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      expect(addon.run(0, UNARY, 1, bytes, 0, detached, 0, 0, 4)).toBe(2)
      const wrong: unknown[][] = [
        [],
        [0, 99, 1],
        [0, UNARY, 0, bytes, 0, bytes, 0, 0, 4],
        [9, UNARY, 1, bytes, 0, bytes, 0, 0, 4],
        [0, UNARY, 1, bytes, 0, bytes, 17, 0, 4],
        [0, UNARY, 1, bytes, -1, bytes, 0, 0, 4],
        [0, UNARY, 1, 5, 0, bytes, 0, 0, 4],
        [0, UNARY, 1, new Float32Array(4), 0, bytes, 0, 0, 4],
        [0, UNARY, 1, bytes, 0, bytes, 0, 0, 'four'],
        [0, UNARY, 1, bytes, 0, bytes, 0, 0],
      ]
      for (const args of wrong)
        expect(() => addon.run(...(args as [number, number, number]))).toThrow(TypeError)
      expect(() =>
        t.run('gemm', [t.floats([0])], [t.floats([1]), t.floats([1])], [1, 2, 2, 2, 0, 0, 0, 0]),
      ).toThrow(ShapeError)
      expect(() => t.run('topK', [undefined, undefined], [t.floats([1])], [1, 1, 2])).toThrow('a scalar 2')
    })

    it('gives the same on any number of threads, also while several devices take turns', () => {
      const devices = [1, 2, 3, 5].map(threads => new TestDevice({ threads }))
      const [m, n, k] = [150, 700, 900]
      const [a, b] = [normals(1, m * k), normals(2, k * n)]
      const results = [...devices, ...devices].map(t =>
        t.floatsFrom('gemm', m * n, [t.floats(a), t.floats(b)], [1, m, n, k, 0, 0, 0, 0]),
      )
      for (const result of results) expectSame(result, results[0]!)
      for (let i = 0; i < 2000; i++) {
        const t = devices[i % devices.length]!
        t.run('softmax', [t.device.empty('float32', [8])], [t.floats([1, 2, 3, 4, 5, 6, 7, 8])], [2, 4])
      }
    })

    it('runs in several JavaScript threads at once, and they may end at any time', async () => {
      const code = `
      const { parentPort } = require('node:worker_threads')
      const addon = require(${JSON.stringify(addonPath())})
      const [m, n, k] = [64, 256, 300]
      const floats = (size, value) => new Uint8Array(new Float32Array(size).fill(value).buffer)
      const [a, b, c] = [floats(m * k, 1), floats(n * k, 2), floats(m * n, 0)]
      const gemm = addon.primitives().indexOf('gemm')
      const run = () => addon.run(0, gemm, 2, c, 0, a, 0, b, 0, 1, m, n, k, 0, 0, 0, 0)
      for (let i = 0; i < 50; i++) run()
      parentPort.postMessage(new Float32Array(c.buffer).every(x => x === 2 * k))
      for (;;) run()
    `
      const workers = [1, 2, 3].map(() => new Worker(code, { eval: true }))
      const answers = workers.map(worker => new Promise(resolve => worker.once('message', resolve)))
      expect(await Promise.all(answers)).toEqual([true, true, true])
      await Promise.all(workers.map(worker => worker.terminate()))
      const t = new TestDevice({ threads: 2 })
      expect(t.floatsFrom('unary', 1, [t.floats([1])], [0, 1])[0]).toBe(-1)
    })

    it('moves tensors to and from other devices', async () => {
      const device = await createNativeDevice()
      const x = await new Tensor('float32', [1, 2, 3, 4], [2, 2]).to(device)
      const back = await x.to(reference)
      expect(back.device).toBe(reference)
      expect(Array.from(back.data as Float32Array)).toEqual([1, 2, 3, 4])
    })
  },
)

describe.skipIf(nativeAvailable())('createNativeDevice without its compiled part', () => {
  it('says how to get it', async () => {
    await expect(createNativeDevice()).rejects.toThrow('install @tersor/backend-native-')
  })
})
