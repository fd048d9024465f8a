import {
  affine,
  DeviceError,
  dense,
  type Encoded,
  type Memory,
  Rng,
  reference,
  ShapeError,
  Tensor,
} from '@tersor/core-tensor'
import { HostDevice, type Primitives } from '@tersor/core-tensor/host'
import { cast } from '@tersor/core-tensor/reference'
import { describe, expect, it } from 'vitest'
import { agreement } from './agreement.ts'
import { verify } from './verify.ts'

/** A device of one primitive, a product whose numbers are all off by a factor. */
class ScalingDevice extends HostDevice {
  constructor(factor: number) {
    const primitives: Primitives = {
      has: name => name === 'gemm',
      packedBytes: () => 0,
      run(_, [c], [a, b], [, m = 0, n = 0, k = 0, , , , flags = 0]) {
        const [x, w, y] = [a!.data as Float32Array, b!.data as Float32Array, c!.data as Float32Array]
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let sum = 0
            for (let p = 0; p < k; p++) sum += x[i * k + p]! * (flags & 2 ? w[j * k + p]! : w[p * n + j]!)
            y[i * n + j] = sum * factor
          }
        }
      },
    }
    super('scaling', {}, primitives)
  }

  protected allocate(byteLength: number): Memory {
    const bytes = new Uint8Array(byteLength)
    return {
      device: this,
      byteLength,
      bytes: () => bytes,
      read: async (start, length) => bytes.slice(start, start + length),
      free: () => {},
    }
  }

  dispose(): void {}
}

function weights(): Map<string, Tensor | Encoded> {
  const rng = new Rng(3)
  const matrix = () =>
    new Tensor(
      'float32',
      Float32Array.from({ length: 60 }, () => rng.normal()),
      [6, 10],
    )
  const codes = new Tensor(
    'uint8',
    Uint8Array.from({ length: 30 }, () => rng.integer(256)),
    [6, 5],
  )
  const scale = new Tensor('float32', [1, 2, 3, 4, 5, 6], [6, 1])
  return new Map<string, Tensor | Encoded>([
    ['norm', new Tensor('float32', [1, 2, 3], [3])],
    ['half', dense(cast(matrix(), 'float16'))],
    ['codes', affine({ codes, scale }, { dims: [6, 10], bits: 4, group: 10, axis: 1 })],
  ])
}

describe('verify', () => {
  it('finds nothing between a device and itself', async () => {
    const [same] = await verify(weights(), [reference])
    expect(same!.firstDivergence).toBeUndefined()
    expect(same!.layers.map(({ layer }) => layer)).toEqual([
      'norm',
      'half',
      'half, 9 rows',
      'codes',
      'codes, 9 rows',
    ])
    expect(same!.layers.every(({ maxUlp, cosine }) => maxUlp === 0 && cosine > 1 - 1e-12)).toBe(true)
  })

  it('allows another order of sums', async () => {
    const [close] = await verify(weights(), [new ScalingDevice(1 + 2 ** -20)])
    expect(close!.firstDivergence).toBeUndefined()
    expect(Math.max(...close!.layers.map(({ maxUlp }) => maxUlp))).toBeGreaterThan(4)
  })

  it('names the first layer that differs, by device', async () => {
    const results = await verify(weights(), [reference, new ScalingDevice(1.01)])
    expect(results.map(({ device, firstDivergence }) => [device.name, firstDivergence?.layer])).toEqual([
      ['reference', undefined],
      ['scaling', 'half'],
    ])
    const [, broken] = await verify(weights(), [reference, new ScalingDevice(Number.NaN)])
    expect(broken!.firstDivergence).toMatchObject({ layer: 'half', maxUlp: Infinity, cosine: 0 })
  })

  it('wants a device, and tokens for a model', async () => {
    await expect(verify(weights(), [])).rejects.toThrow(DeviceError)
    const model = { config: { vocabSize: 4, mixers: [] } } as unknown as Parameters<typeof verify>[0]
    await expect(verify(model, [reference], { tokens: new Int32Array(0) })).rejects.toThrow(ShapeError)
  })
})

describe('agreement', () => {
  it('counts in units of the larger of the number and the root mean square', () => {
    expect(agreement([1, 1], [1, 1 + 2 ** -23]).maxUlp).toBe(1)
    expect(agreement([4, 1e-9], [4, 2e-9]).maxUlp).toBe(0)
    expect(agreement([0, 0], [0, 0])).toEqual({ maxUlp: 0, cosine: 1 })
    expect(agreement([1, 2], [2, -1]).cosine).toBe(0)
  })
})
