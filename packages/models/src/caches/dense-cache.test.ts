import { Rng, reference, ShapeError, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { randomModel, smallConfig, smallJson } from '../testing/random-model.ts'
import { BatchedCache } from './batched-cache.ts'
import { DenseCache } from './dense-cache.ts'

const { mixers } = smallConfig
const { num_key_value_heads: kvHeads, num_attention_heads: heads } = smallJson
const headDim = smallJson.hidden_size / heads

function random(rng: Rng, dims: number[]): Tensor {
  return new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )
}

function positions(start: number, count: number): Tensor {
  return new Tensor(
    'int32',
    Int32Array.from({ length: count }, (_, i) => start + i),
    [count],
  )
}

/** Feeds `count` random tokens to every layer. */
function feed(cache: DenseCache, rng: Rng, count: number): void {
  const start = cache.length
  for (let layer = 0; layer < mixers.length; layer++) {
    cache.append(
      layer,
      random(rng, [kvHeads, count, headDim]),
      random(rng, [kvHeads, count, headDim]),
      positions(start, count),
    )
  }
}

function attendAll(cache: DenseCache, extra: { mass?: Tensor; logWeight?: Tensor } = {}): Float32Array {
  const q = random(new Rng(99), [heads, 1, headDim])
  return cache.attend(0, q, positions(cache.length - 1, 1), extra).data as Float32Array
}

const close = (a: Float32Array, b: Float32Array) =>
  expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(1e-5)

describe('DenseCache', () => {
  it('holds the same however tokens arrive, and grows past its capacity', () => {
    const once = new DenseCache(mixers, reference, { capacity: 4 })
    const rngOnce = new Rng(5)
    const keys = random(rngOnce, [kvHeads, 21, headDim])
    const values = random(rngOnce, [kvHeads, 21, headDim])
    once.append(0, keys, values, positions(0, 21))
    const pieces = new DenseCache(mixers, reference, { capacity: 4 })
    const slice = (x: Tensor, at: number, n: number) => {
      const data = x.data as Float32Array
      const rows = Array.from({ length: kvHeads }, (_, h) => [
        ...data.subarray((h * 21 + at) * headDim, (h * 21 + at + n) * headDim),
      ])
      return new Tensor('float32', rows.flat(), [kvHeads, n, headDim])
    }
    for (const [at, n] of [
      [0, 1],
      [1, 2],
      [3, 4],
      [7, 9],
      [16, 5],
    ] as const)
      pieces.append(0, slice(keys, at, n), slice(values, at, n), positions(at, n))
    expect(pieces.length).toBe(21)
    expect([...attendAll(pieces)]).toEqual([...attendAll(once)])
  })

  it('forks into caches that share the past and not the future', () => {
    const cache = new DenseCache(mixers, reference)
    const rng = new Rng(7)
    feed(cache, rng, 6)
    const before = attendAll(cache)
    const bytes = cache.byteLength
    const twin = cache.fork()
    feed(twin, rng, 3)
    expect([...attendAll(cache)]).toEqual([...before])
    expect([cache.length, twin.length]).toEqual([6, 9])
    expect(cache.byteLength).toBe(bytes)
    expect(twin.segments(0).map(({ length, sealed }) => [length, sealed])).toEqual([
      [6, true],
      [3, false],
    ])
    cache.dispose()
    expect(attendAll(twin).every(Number.isFinite)).toBe(true)
  })

  it('attends over segments as over one', () => {
    const whole = new DenseCache(mixers, reference)
    const parts = new DenseCache(mixers, reference)
    feed(whole, new Rng(3), 5)
    feed(parts, new Rng(3), 5)
    const forked = parts.fork()
    feed(whole, new Rng(4), 4)
    feed(forked, new Rng(4), 4)
    close(attendAll(forked), attendAll(whole))
    const logWeight = random(new Rng(8), [kvHeads, 9])
    close(attendAll(forked, { logWeight }), attendAll(whole, { logWeight }))
    const masses = [forked, whole].map(cache => {
      const mass = new Tensor('float32', new Float32Array(heads * 9), [heads, 9])
      attendAll(cache, { mass })
      return mass.data as Float32Array
    })
    close(masses[0]!, masses[1]!)
    for (const mass of masses) expect(mass.reduce((a, b) => a + b, 0)).toBeCloseTo(heads, 5)
  })

  it('forgets the end and continues as if it had never been', () => {
    const cache = new DenseCache(mixers, reference)
    feed(cache, new Rng(1), 8)
    const fresh = new DenseCache(mixers, reference)
    feed(fresh, new Rng(1), 8)
    const longer = cache.fork()
    feed(longer, new Rng(2), 5)
    longer.truncate(6)
    fresh.truncate(6)
    expect(longer.length).toBe(6)
    close(attendAll(longer), attendAll(fresh))
    expect(() => longer.truncate(7)).toThrow(ShapeError)
    longer.truncate(0)
    expect(longer.length).toBe(0)
  })

  it('refuses tensors of other shapes', () => {
    const cache = new DenseCache(mixers, reference)
    const wrong = random(new Rng(1), [kvHeads, 2, headDim + 1])
    expect(() => cache.append(0, wrong, wrong, positions(0, 2))).toThrow(
      /expected keys and values \(2, 2, 4\)/,
    )
    expect(() => cache.segments(9)).toThrow(ShapeError)
  })
})

describe('BatchedCache', () => {
  it('advances several texts as each alone', async () => {
    const model = randomModel()
    const texts = [Int32Array.of(1, 2, 3, 4), Int32Array.of(7, 8, 9, 10), Int32Array.of(5, 5, 5, 5)]
    const cache = new BatchedCache(texts.map(() => model.createCache()))
    let batch: Float32Array = new Float32Array(0)
    for (let t = 0; t < 4; t++) {
      const { logits } = await model.forward(
        Int32Array.from(texts, text => text[t]!),
        { cache, positions: new Int32Array(3).fill(t), logits: 'all' },
      )
      batch = logits!.data as Float32Array
    }
    const { vocabSize } = model.config
    for (const [i, text] of texts.entries()) {
      const { logits } = await model.forward(text, { cache: model.createCache() })
      close(logits!.data as Float32Array, batch.subarray(i * vocabSize, (i + 1) * vocabSize))
    }
    await expect(model.forward(Int32Array.of(1), { cache, positions: Int32Array.of(4) })).rejects.toThrow(
      /one token for each of 3 caches/,
    )
  })
})
