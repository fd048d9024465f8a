import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { symbolFrequencies } from './symbol-frequencies.ts'

const countsOf = (...counts: number[]) => Uint32Array.from({ length: 256 }, (_, s) => counts[s] ?? 0)
const frequenciesOf = (counts: ArrayLike<number>, precision: number) =>
  Array.from(symbolFrequencies(counts, { precision }).data as Uint16Array)

/** Bits that symbols of these counts take with these frequencies. */
function bits(counts: readonly number[], frequencies: readonly number[]): number {
  const slots = frequencies.reduce((a, b) => a + b, 0)
  return counts.reduce((sum, n, s) => sum + (n === 0 ? 0 : n * Math.log2(slots / frequencies[s]!)), 0)
}

/** Every way to write `slots` as a sum of `parts` whole numbers ≥ 1. */
function* sums(slots: number, parts: number): Generator<number[]> {
  if (parts === 1) yield [slots]
  else
    for (let f = 1; f <= slots - parts + 1; f++)
      for (const rest of sums(slots - f, parts - 1)) yield [f, ...rest]
}

describe('symbolFrequencies', () => {
  it('takes no more bits than any other frequencies', () => {
    const rng = new Rng(70)
    for (let i = 0; i < 60; i++) {
      const counts = Array.from(
        { length: 2 + rng.integer(3) },
        () => 1 + rng.integer(4 ** (1 + rng.integer(6))),
      )
      const own = frequenciesOf(countsOf(...counts), 5).slice(0, counts.length)
      let best = Infinity
      for (const other of sums(32, counts.length)) best = Math.min(best, bits(counts, other))
      expect(bits(counts, own)).toBeLessThanOrEqual(best * (1 + 1e-12))
    }
  })

  it('takes fewer bits than rounding the shares', () => {
    const counts = [1e6, 5e5, 300, 40, 9, 5, 3, 2, 1, 1, 1, 1]
    const total = counts.reduce((a, b) => a + b, 0)
    const rounded = counts.map(n => Math.max(1, Math.round((64 * n) / total)))
    rounded[0]! += 64 - rounded.reduce((a, b) => a + b, 0)
    const own = frequenciesOf(countsOf(...counts), 6).slice(0, counts.length)
    expect(bits(counts, own)).toBeLessThan(0.999 * bits(counts, rounded))
  })

  it('gives every symbol that is there a slot, all slots away, and the others none', () => {
    const rng = new Rng(71)
    for (let precision = 1; precision <= 12; precision++) {
      const symbols = Math.min(256, 2 ** precision)
      const counts = Array.from({ length: 256 }, (_, s) =>
        s < symbols ? 1 + rng.integer(2 ** rng.integer(30)) : 0,
      )
      const frequencies = frequenciesOf(counts, precision)
      expect(frequencies.reduce((a, b) => a + b, 0)).toBe(2 ** precision)
      expect(frequencies.map(f => f > 0)).toEqual(counts.map(n => n > 0))
    }
  })

  it('gives a single symbol everything, equals the same, and the first the rest', () => {
    expect(frequenciesOf(countsOf(0, 0, 5), 12).slice(0, 4)).toEqual([0, 0, 4096, 0])
    expect(frequenciesOf(countsOf(), 12).slice(0, 2)).toEqual([4096, 0])
    expect(frequenciesOf(countsOf(7, 7, 7), 3).slice(0, 4)).toEqual([3, 3, 2, 0])
    expect(frequenciesOf(new Uint32Array(256).fill(2 ** 31), 12)).toEqual(new Array(256).fill(16))
  })

  it('refuses more symbols than slots, and what is no count', () => {
    expect(() => symbolFrequencies(countsOf(1, 1, 1), { precision: 1 })).toThrow(
      new ShapeError(
        '[codec/symbol-frequencies] expected at most 2 different symbols for a precision of 1, got 3; use 2 or more',
      ),
    )
    for (const bad of [-1, 0.5, NaN, 2 ** 60])
      expect(() => symbolFrequencies([bad, ...new Array(255).fill(1)])).toThrow(ShapeError)
    expect(() => symbolFrequencies(new Uint8Array(255))).toThrow(ShapeError)
    expect(() => symbolFrequencies(countsOf(1), { precision: 13 })).toThrow(ShapeError)
  })
})
