import {
  affine,
  DeviceError,
  DTypeError,
  linear,
  Rng,
  reference,
  ShapeError,
  Tensor,
  transfer,
  UnsupportedError,
} from '@tersor/core-tensor'
import * as kernels from '@tersor/core-tensor/reference'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWebGpuDevice, type WebGpuDevice } from './index.ts'
import { adapterFound, createTestDevice, gpuOfTests } from './testing/test-device.ts'

const { add, matmul, rope } = {
  ...kernels,
  add: (a: Tensor, b: Tensor) => kernels.binary('add', a, b),
}

describe('createWebGpuDevice', () => {
  it('says what to do where there is no graphics card', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU
    const failure = createWebGpuDevice({ gpu })
    await expect(failure).rejects.toThrow(UnsupportedError)
    await expect(failure).rejects.toThrow('use @tersor/backend-wasm')
  })

  it('says which limit of a card is too low', async () => {
    const limits = { maxComputeInvocationsPerWorkgroup: 128 }
    const gpu = { requestAdapter: async () => ({ limits }) } as unknown as GPU
    const failure = createWebGpuDevice({ gpu })
    await expect(failure).rejects.toThrow(UnsupportedError)
    await expect(failure).rejects.toThrow('maxComputeInvocationsPerWorkgroup of at least 256, got 128')
  })

  it('says when the card gives no device', async () => {
    const adapter = {
      limits: new Proxy({}, { get: () => 2 ** 20 }),
      features: new Set(),
      requestDevice: async () => {
        throw new Error('busy')
      },
    }
    const gpu = { requestAdapter: async () => adapter } as unknown as GPU
    const failure = createWebGpuDevice({ gpu })
    await expect(failure).rejects.toThrow(DeviceError)
    await expect(failure).rejects.toThrow('busy')
  })
})

describe.skipIf(!adapterFound)('a device of the caller', () => {
  const given = async () => (await (await gpuOfTests()).requestAdapter())!.requestDevice()

  it('is not destroyed with ours', async () => {
    const gpu = await given()
    const device = await createWebGpuDevice({ device: gpu })
    device.dispose()
    const second = await createWebGpuDevice({ device: gpu })
    const x = second.upload(new Tensor('float32', [1, 2], [2]))
    expect([...((await add(x, x).read()) as Float32Array)]).toEqual([2, 4])
    expect(() => device.empty('float32', [1])).toThrow(DeviceError)
    gpu.destroy()
  })

  it('that is lost refuses with a reason, and another one can be made', async () => {
    const gpu = await given()
    const device = await createWebGpuDevice({ device: gpu })
    const x = device.upload(new Tensor('float32', [1, 2], [2]))
    gpu.destroy()
    const reason = await device.lost
    expect(reason).toBeInstanceOf(DeviceError)
    expect(reason.message).toContain('is lost')
    expect(() => add(x, x)).toThrow(reason)
    await expect(x.read()).rejects.toThrow(reason)
    await expect(createWebGpuDevice({ device: gpu })).rejects.toThrow(DeviceError)
    const next = await createTestDevice()
    expect([...((await next.upload(new Tensor('int32', [7], [1])).read()) as Int32Array)]).toEqual([7])
    next.dispose()
  })

  it('binds no more than it may', async () => {
    const gpu = await given() // with the limits that every card has
    const device = await createWebGpuDevice({ device: gpu })
    const failure = () => device.empty('float32', [2 ** 26])
    expect(failure).toThrow(DeviceError)
    expect(failure).toThrow('split it by rows')
    gpu.destroy()
  })
})

describe.skipIf(!adapterFound)('WebGpuDevice', () => {
  let device: WebGpuDevice
  beforeAll(async () => {
    device = await createTestDevice()
  })
  afterAll(() => device?.dispose())

  const floats = (...values: number[]) => device.upload(new Tensor('float32', values, [values.length]))
  const normals = (seed: number, dims: readonly number[]) => {
    const rng = new Rng(seed)
    return new Tensor(
      'float32',
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
      dims,
    )
  }

  it('shows nothing without a wait', () => {
    expect(() => floats(1).data).toThrow('await tensor.read()')
  })

  it('submits many kernels at once', async () => {
    let sum = floats(0, 0)
    await sum.read()
    const before = device.submissions
    for (let i = 0; i < 100; i++) sum = add(sum, floats(1, 2))
    expect([...((await sum.read()) as Float32Array)]).toEqual([100, 200])
    expect(device.submissions - before).toBe(1)
  })

  it('reads what was there when it was asked', async () => {
    const x = floats(1, 2)
    const earlier = x.read()
    kernels.binary('add', x, x, { out: x })
    expect([...((await earlier) as Float32Array)]).toEqual([1, 2])
    expect([...((await x.read()) as Float32Array)]).toEqual([2, 4])
  })

  it('gives memory out again, and zeros with it', async () => {
    const used = device.memory.used
    for (let i = 0; i < 20; i++) {
      const x = device.empty('float32', [1000])
      kernels.binary('add', x, floats(1), { out: x })
      device.upload(new Tensor('float32', new Float32Array(1000).fill(7), [1000])).dispose()
      x.dispose()
      const zeros = device.empty('float32', [1000])
      expect(Math.max(...((await zeros.read()) as Float32Array))).toBe(0)
      zeros.dispose()
    }
    expect(device.memory.used - used).toBeLessThan(100_000)
  })

  it('computes on rows that begin on any byte', async () => {
    const bytes = new Tensor(
      'uint8',
      Array.from({ length: 35 }, (_, i) => i),
      [5, 7],
    )
    const there = device.upload(bytes)
    const [row, out] = [there.rows(3, 4), device.empty('uint8', [5, 7])]
    kernels.cast(row, 'uint8', { out: out.rows(1, 2) })
    expect([...((await out.rows(0, 3).read()) as Uint8Array)]).toEqual([
      ...new Array(7).fill(0),
      ...[21, 22, 23, 24, 25, 26, 27],
      ...new Array(7).fill(0),
    ])
    const codes = new Tensor('uint8', [9, 0x21, 0x43], [3, 1]).rows(1, 3)
    const weight = affine(
      { codes, scale: new Tensor('float32', [0.5], [1, 1]) },
      { dims: [2, 2], bits: 4, group: 2, axis: 1 },
    )
    const moved = await transfer(weight, device)
    const y = linear(device.upload(new Tensor('float32', [1, 10], [1, 2])), device.pack(moved))
    expect([...((await y.read()) as Float32Array)]).toEqual([10.5, 21.5])
  })

  it('multiplies in sequence bit for bit as the reference', async () => {
    const [a, b] = [normals(1, [33, 70]), normals(2, [65, 70])]
    const options = { transposeB: true, order: 'sequential' } as const
    const want = matmul(a, b, options).data
    expect(await matmul(device.upload(a), device.upload(b), options).read()).toEqual(want)
  })

  it('attends to many keys in parts as to all at once', async () => {
    const [heads, kvHeads, tokens, headDim] = [4, 2, 1500, 64]
    const dims = [kvHeads, tokens, headDim]
    const coded = (seed: number, bits: 4 | 8) => {
      const rng = new Rng(seed)
      const width = (headDim * bits) / 8
      const bytes = Uint8Array.from({ length: kvHeads * tokens * width }, () => rng.integer(256))
      const codes = new Tensor('uint8', bytes, [kvHeads, tokens, width])
      const scale = new Tensor('float32', new Float32Array(kvHeads * tokens * 2).fill(2 / 2 ** bits), [
        ...[kvHeads, tokens, 2],
      ])
      const zero = new Tensor('uint8', new Uint8Array(scale.size).fill(2 ** (bits - 1)), scale.dims)
      return affine({ codes, scale, zero }, { dims, bits, group: 32, axis: 2 })
    }
    for (const queries of [1, 3]) {
      const [q, k, v] = [normals(4, [heads, queries, headDim]), coded(5, 4), coded(6, 8)]
      for (const options of [{ length: 1100 }, { causal: true }]) {
        const [lse, lseThere] = [reference, device].map(d => d.empty('float32', [heads, queries])) as [
          Tensor,
          Tensor,
        ]
        const given = { scale: headDim ** -0.5, ...options }
        const want = kernels.attention(q, k, v, { ...given, lse }).data as Float32Array
        const out = device.upload(q)
        kernels.attention(device.upload(q), await transfer(k, device), await transfer(v, device), {
          ...given,
          lse: lseThere,
          out,
          accumulate: true,
        })
        const start = q.data as Float32Array
        const got = (await out.read()) as Float32Array
        expect(Math.max(...got.map((value, i) => Math.abs(value - start[i]! - want[i]!)))).toBeLessThan(2e-6)
        const lses = (await lseThere.read()) as Float32Array
        const wanted = lse.data as Float32Array
        expect(Math.max(...lses.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-5)
      }
    }
  })

  it('computes alike with and without what a card has beyond all others', async () => {
    const gpu = await (await (await gpuOfTests()).requestAdapter())!.requestDevice()
    const plain = await createWebGpuDevice({ device: gpu })
    expect([plain.info.subgroups, plain.info.float16]).toEqual([false, false])
    const halves = Uint16Array.from({ length: 0x7c00 }, (_, i) => i ^ ((i % 2) << 15))
    const x = normals(7, [3, 1000])
    const results = [device, plain].map(async on => {
      const y = on.upload(x)
      const weight = on.upload(normals(8, [1000]))
      const floats = kernels.cast(on.upload(new Tensor('float16', halves, [halves.length])), 'float32')
      return Promise.all(
        [
          floats,
          kernels.softmax(y),
          kernels.rmsNorm(y, weight, { epsilon: 1e-5 }),
          kernels.reduce('sum', y, { axis: 1 }),
          kernels.reduce('absMax', y, { axis: 1 }),
        ].map(result => result.read() as Promise<Float32Array>),
      )
    })
    const [[exact, ...close], [exactPlain, ...closePlain]] = (await Promise.all(results)) as [
      [Float32Array, ...Float32Array[]],
      [Float32Array, ...Float32Array[]],
    ]
    expect(exact.every((value, i) => Object.is(value, exactPlain[i]))).toBe(true)
    close.forEach((values, i) => {
      const error = values.map((value, j) => Math.abs(value - closePlain[i]![j]!) / (1 + Math.abs(value)))
      expect(Math.max(...error)).toBeLessThan(1e-6)
    })
    gpu.destroy()
  })

  it('drops the keys that were looked at least without a read', async () => {
    const [heads, tokens, headDim, kept] = [2, 40, 16, 12]
    const [q, k, v] = [7, 8, 9].map(seed => normals(seed, [heads, seed === 7 ? 1 : tokens, headDim])) as [
      Tensor,
      Tensor,
      Tensor,
    ]
    const attended = (on: WebGpuDevice | typeof reference) => {
      const there = (x: Tensor) => (on === reference ? x : on.upload(x))
      const mass = on.empty('float32', [heads, tokens])
      const scale = 0.5
      kernels.attention(there(q), there(k), there(v), { scale, mass })
      const { indices } = kernels.topK(mass, { k: kept })
      const cache = (x: Tensor) => {
        const whole = there(x)
        const small = on.empty('float32', [heads, kept, headDim])
        for (let head = 0; head < heads; head++) {
          const rows = whole.rows(head, head + 1).reshape([tokens, headDim])
          const index = indices.rows(head, head + 1).reshape([kept])
          const out = small.rows(head, head + 1).reshape([kept, headDim])
          kernels.gather(rows, index, { axis: 0, out })
        }
        return small
      }
      return kernels.attention(there(q), cache(k), cache(v), { scale })
    }
    const want = attended(reference).data as Float32Array
    device.submit()
    const before = device.submissions
    const got = (await attended(device).read()) as Float32Array
    expect(device.submissions - before).toBe(1)
    expect(Math.max(...got.map((value, i) => Math.abs(value - want[i]!)))).toBeLessThan(1e-5)
  })

  it('rotates far positions as exactly as near ones', async () => {
    const tokens = 3
    const x = normals(3, [tokens, 64])
    const positions = new Tensor('int32', [1_000_003, 131_071, 5], [tokens])
    const frequencies = new Tensor(
      'float64',
      Float64Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32)),
      [32],
    )
    const want = rope(x, { positions, frequencies, layout: 'half' }).data as Float32Array
    const options = { positions: device.upload(positions), frequencies: device.upload(frequencies) }
    const y = (await rope(device.upload(x), { ...options, layout: 'half' }).read()) as Float32Array
    expect(Math.max(...y.map((value, i) => Math.abs(value - want[i]!)))).toBeLessThan(2e-6)
  })

  it('refuses what the reference refuses, and what cards do not compute', () => {
    const f = (...dims: number[]) => device.empty('float32', dims)
    const shapes: (() => unknown)[] = [
      () => kernels.binary('add', f(2, 3), f(2)),
      () => kernels.binary('add', f(2), f(2), { accumulate: true }),
      () => matmul(f(2, 3), f(4, 5)),
      () => kernels.softmax(f()),
      () => kernels.topK(f(2, 3), { k: 4 }),
      () => kernels.transpose(f(2, 3), [0, 0]),
      () => kernels.copy(f(2, 2), { out: f(3, 3), at: [2, 0] }),
      () => kernels.attention(f(3, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1 }),
      () => kernels.rmsNorm(f(2, 3), f(2), { epsilon: 1 }),
      () => kernels.quantizeAffine(f(2, 4), f(2, 1), { bits: 9, group: 4, axis: 1 }),
    ]
    for (const call of shapes) expect(call, String(call)).toThrow(ShapeError)
    expect(() => kernels.unary('exp', device.empty('int32', [1]))).toThrow(DTypeError)
    expect(() => kernels.unary('exp', device.empty('float64', [1]))).toThrow(UnsupportedError)
    expect(() => add(f(1), reference.empty('float32', [1]))).toThrow(DeviceError)
  })
})
