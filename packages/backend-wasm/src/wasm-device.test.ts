import { execFileSync } from 'node:child_process'
import { DeviceError, FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { unaryOps } from '@tersor/core-tensor/host'
import { attention, binary, layerNorm, matmul, rope, unary } from '@tersor/core-tensor/reference'
import { primitiveKernels } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { hasRelaxedSimd } from './features.ts'
import { simd } from './generated/simd.ts'
import { coding, createWasmDevice, training } from './index.ts'
import { bytesOfBase64 } from './kernel-group.ts'

const MIB = 1 << 20

describe('createWasmDevice', () => {
  it('runs the module that it is given', async () => {
    const bytes = bytesOfBase64(simd) as Uint8Array<ArrayBuffer>
    const response = new Response(bytes, { headers: { 'content-type': 'application/wasm' } })
    for (const wasm of [bytes, bytes.buffer, new WebAssembly.Module(bytes), response]) {
      const device = await createWasmDevice({ wasm, threads: 2 })
      expect(device.info.threads).toBe(wasm instanceof WebAssembly.Module ? 1 : 2)
      const x = device.upload(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
      expect([...(matmul(x, x).data as Float32Array)]).toEqual([7, 10, 15, 22])
      device.dispose()
    }
    await expect(createWasmDevice({ wasm: new Uint8Array(9) })).rejects.toThrow(FormatError)
    await expect(createWasmDevice({ wasm: new Response('', { status: 404 }) })).rejects.toThrow(DeviceError)
  })

  it('implements every primitive under its name', async () => {
    const device = await createWasmDevice({ threads: 1, groups: [coding, training] })
    expect(Object.keys(device.kernels)).toEqual(primitiveKernels())
    device.dispose()
  })

  it('says what it runs, and refuses what it cannot', async () => {
    const device = await createWasmDevice({ threads: 1, simd: 'simd' })
    expect(device.info).toEqual({ threads: 1, simd: 'simd' })
    expect(device.primitives.has('gemm')).toBe(true)
    expect(device.primitives.has('ransDecode')).toBe(false)
    expect((await createWasmDevice({ threads: 1, groups: [coding] })).primitives.has('ransDecode')).toBe(true)
    if (!hasRelaxedSimd())
      await expect(createWasmDevice({ simd: 'relaxed' })).rejects.toThrow(UnsupportedError)
    for (const bad of [{ threads: 0 }, { threads: 1.5 }, { maxBytes: -1 }, { arenaBytes: 0 }]) {
      await expect(createWasmDevice(bad)).rejects.toThrow(DeviceError)
    }
  })
})

describe('WasmDevice', () => {
  it('runs what decoders ask for itself: windows, caps, norms and activations', async () => {
    const device = await createWasmDevice({ threads: 1 })
    const x = device.upload(new Tensor('float32', [1, 2, 3, 4], [1, 2, 2]))
    const bias = device.upload(new Tensor('float32', [1, 2], [2]))
    attention(x, x, x, { scale: 1, window: 1, softcap: 2, causal: true })
    layerNorm(x, bias, { epsilon: 1e-5, bias })
    binary('add', x, bias)
    for (const op of unaryOps) unary(op, x)
    const positions = device.upload(new Tensor('int32', [0, 1], [2]))
    const frequencies = device.upload(new Tensor('float64', [1], [1]))
    rope(x, { positions, frequencies, layout: 'half', scale: 2 })
    expect([...device.fallbacks]).toEqual([])
    device.dispose()
  })

  it('throws when there is no room, and goes on', async () => {
    const device = await createWasmDevice({ threads: 1, maxBytes: 8 * MIB })
    const first = device.empty('uint8', [5 * MIB])
    expect(() => device.empty('uint8', [5 * MIB])).toThrow(/out of memory: .* maxBytes is 8388608/)
    expect(() => device.empty('uint8', [2 ** 33])).toThrow(DeviceError)
    first.dispose()
    const x = device.empty('float32', [MIB / 4])
    expect(binary('add', x, x).data.length).toBe(MIB / 4)
    expect(device.memory.byteLength).toBeLessThanOrEqual(8 * MIB)
  })

  it('gives back memory as zeros', async () => {
    for (const debug of [false, true]) {
      const device = await createWasmDevice({ threads: 1, debug })
      for (let i = 0; i < 20; i++) {
        const x = device.empty('float32', [1000 + 100 * i])
        expect((x.data as Float32Array).every(value => Object.is(value, 0))).toBe(true)
        ;(x.data as Float32Array).fill(NaN)
        x.dispose()
        x.dispose()
      }
      expect(device.memory.used).toBe(0)
    }
  })

  it('computes with tensors of different memories', async () => {
    const device = await createWasmDevice({ threads: 1, arenaBytes: 4 * MIB })
    const of = (value: number, size: number) =>
      device.upload(new Tensor('float32', new Float32Array(size).fill(value), [size]))
    const a = of(1, 200_000)
    const filler = device.empty('uint8', [2 * MIB])
    const b = of(2, 200_000)
    expect(a.memory.bytes().buffer).not.toBe(b.memory.bytes().buffer)
    expect((binary('add', a, b).data as Float32Array).every(value => value === 3)).toBe(true)
    expect(binary('sub', a, b, { out: b })).toBe(b)
    expect((b.data as Float32Array).every(value => value === -1)).toBe(true)
    expect(() => device.empty('uint8', [4 * MIB])).toThrow(DeviceError)
    expect(filler.size).toBe(2 * MIB)
  })

  it('moves memory that is debugged', async () => {
    const device = await createWasmDevice({ threads: 1, debug: true })
    const x = device.empty('float32', [4])
    const view = x.data
    device.empty('float32', [4])
    expect(view.length).toBe(0)
    expect(x.data.length).toBe(4)
  })

  it('refuses tensors of other devices, those that were disposed, and all after its end', async () => {
    const device = await createWasmDevice({ threads: 1 })
    const x = device.empty('float32', [4])
    const other = (await createWasmDevice({ threads: 1 })).empty('float32', [4])
    for (const foreign of [new Tensor('float32', [1], [1]), other]) {
      expect(() => device.primitives.run('unary', [x], [foreign], [0, 1])).toThrow(DeviceError)
    }
    const gone = device.empty('float32', [4])
    gone.dispose()
    expect(() => device.primitives.run('unary', [x], [gone], [0, 4])).toThrow(DeviceError)
    expect(() => device.primitives.run('swiglu', [x], [x, x], [4])).toThrow(/without the group/)
    device.dispose()
    device.dispose()
    expect(() => x.data).toThrow(DeviceError)
    expect(() => device.empty('float32', [1])).toThrow(/disposed/)
    expect(() => device.primitives.run('unary', [x], [x], [0, 4])).toThrow(DeviceError)
    x.dispose()
  })

  it('does not keep the process alive', () => {
    const index = new URL('./index.ts', import.meta.url).href
    const script = `const { createWasmDevice } = await import('${index}')
      const device = await createWasmDevice({ threads: 3 })
      console.log(await device.startThreads())`
    const output = execFileSync(
      process.execPath,
      ['--import', 'tsx', '--conditions', '@tersor/source', '--input-type=module', '-e', script],
      { encoding: 'utf8', timeout: 30_000, cwd: new URL('../../..', import.meta.url).pathname },
    )
    expect(output.trim()).toBe('3')
  })
})
