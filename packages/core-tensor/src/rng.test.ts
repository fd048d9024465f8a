import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ShapeError } from './errors.ts'
import { Rng, splitmix64 } from './rng.ts'

/** xoshiro128** as published, in arithmetic of any width. */
function* xoshiro(state: readonly number[]): Generator<number> {
  const s = state.map(BigInt)
  const word = (x: bigint) => x & 0xffffffffn
  const rotate = (x: bigint, k: bigint) => word(x << k) | (x >> (32n - k))
  while (true) {
    yield Number(word(rotate(word(s[1]! * 5n), 7n) * 9n))
    const t = word(s[1]! << 9n)
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotate(s[3]!, 11n)
  }
}

describe('splitmix64', () => {
  it('gives the published outputs', () => {
    expect(splitmix64(1234567n, 5)).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ])
  })
})

describe('Rng', () => {
  it('is xoshiro128**', () => {
    const rng = new Rng([1, 2, 3, 4])
    const published = xoshiro([1, 2, 3, 4])
    const first = Array.from({ length: 10 }, () => rng.uint32())
    expect(first).toEqual(PUBLISHED)
    for (const value of first) expect(published.next().value).toBe(value)
    for (let i = 0; i < 1000; i++) expect(rng.uint32()).toBe(published.next().value)
  })

  it('fills its state by splitmix64', () => {
    const [a, b] = splitmix64(42n, 2) as [bigint, bigint]
    const state = [a & 0xffffffffn, a >> 32n, b & 0xffffffffn, b >> 32n].map(Number) as [
      number,
      number,
      number,
      number,
    ]
    expect(new Rng(42).uint32()).toBe(new Rng(state).uint32())
  })

  it('refuses seeds that are none', () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) expect(() => new Rng(seed)).toThrow(ShapeError)
    for (const state of [
      [0, 0, 0, 0],
      [1, 2, 3, 2 ** 32],
      [1, 2, 3, 0.5],
      [1, 2, 3],
    ])
      expect(() => new Rng(state as never)).toThrow(ShapeError)
    for (const n of [0, -1, 1.5, 2 ** 32 + 1]) expect(() => new Rng(1).integer(n)).toThrow(ShapeError)
  })

  it('gives uniform numbers of 53 bits', () => {
    const rng = new Rng(1)
    const draws = Array.from({ length: 20_000 }, () => rng.uniform())
    expect(draws.every(u => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 53))).toBe(true)
    expect(draws.some(u => (u * 2 ** 53) % 2 === 1)).toBe(true)
    expect(mean(draws)).toBeCloseTo(0.5, 1)
    expect(mean(draws.map(u => (u - 0.5) ** 2))).toBeCloseTo(1 / 12, 2)
  })

  it('gives whole numbers below n equally often', () => {
    const rng = new Rng(2)
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 7000; i++) counts[rng.integer(7)]!++
    // χ² with 6 degrees of freedom: below 22.5 in 999 of 1000 runs.
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(22.5)
    expect(rng.integer(1)).toBe(0)
    expect(rng.integer(2 ** 32)).toBeLessThan(2 ** 32)
  })

  it('gives normal numbers', () => {
    const rng = new Rng(3)
    const draws = Array.from({ length: 100_000 }, () => rng.normal())
    // Within four standard errors: 1/√n, √(2/n), √(96/n).
    expect(Math.abs(mean(draws))).toBeLessThan(0.013)
    expect(Math.abs(mean(draws.map(x => x ** 2)) - 1)).toBeLessThan(0.018)
    expect(Math.abs(mean(draws.map(x => x ** 4)) - 3)).toBeLessThan(0.124)
    expect(Math.abs(mean(draws.map(x => x ** 3)))).toBeLessThan(0.05)
  })

  it('gives the same bytes for ever', () => {
    const rng = new Rng(7)
    const draws = Float64Array.from({ length: 10_000 }, () => rng.normal())
    expect([...draws.subarray(0, 4)]).toEqual(PINNED)
    expect(createHash('sha256').update(new Uint8Array(draws.buffer)).digest('hex')).toBe(PINNED_HASH)
  })

  it('shuffles all numbers below n', () => {
    const order = new Rng(4).permutation(1000)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    expect([...order].filter((at, i) => at === i).length).toBeLessThan(10)
    const places = [0, 0, 0, 0]
    for (let seed = 0; seed < 4000; seed++) places[new Rng(seed).permutation(4)[0]!]!++
    expect(Math.max(...places.map(count => Math.abs(count - 1000)))).toBeLessThan(120)
  })
})

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** The test vector of Rust's rand_xoshiro, from the C code of the authors. */
const PUBLISHED = [
  11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
]
const PINNED = [-0.7011020868196209, 1.7109587992718676, -0.09197490590262557, 1.5418790217108957]
const PINNED_HASH = '71d404570283ad037a29b52736d5fe4e9778006853193008cf280e83b22b4f38'
