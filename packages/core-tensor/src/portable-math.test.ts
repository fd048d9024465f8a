import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { NumericalError } from './errors.ts'
import { cos, exp, log, sin, tanh } from './portable-math.ts'
import { Rng } from './rng.ts'

/** The distance of two numbers in units in the last place of the second. */
function ulps(actual: number, expected: number): number {
  if (Object.is(actual, expected)) return 0
  const bits = new BigInt64Array(1)
  const ordered = (x: number) => {
    new Float64Array(bits.buffer)[0] = x
    return bits[0]! < 0n ? -(2n ** 63n) - bits[0]! : bits[0]!
  }
  const difference = ordered(actual) - ordered(expected)
  return Number(difference < 0n ? -difference : difference)
}

/** The worst of many draws, with where it is. */
function worst(
  f: (x: number) => number,
  g: (x: number) => number,
  draw: (rng: Rng) => number,
): { x: number; ulps: number } {
  const rng = new Rng(81)
  let found = { x: 0, ulps: 0 }
  for (let i = 0; i < 20_000; i++) {
    const x = draw(rng)
    const distance = ulps(f(x), g(x))
    if (!(distance <= found.ulps)) found = { x, ulps: distance }
  }
  return found
}

/** A positive number of any magnitude, subnormal ones included. */
const anyMagnitude = (rng: Rng) => 2 ** (rng.uniform() * 2098 - 1074) * (1 + rng.uniform() * 2 ** -8)

const anyMagnitudeBelowOne = (rng: Rng) => rng.normal() * 2 ** -rng.integer(1000)

describe('portable mathematics', () => {
  // Math itself may be an ulp off.
  it.each([
    ['exp', exp, Math.exp, (rng: Rng) => rng.uniform() * 1454 - 745],
    ['exp near 0', exp, Math.exp, (rng: Rng) => rng.normal() * 2 ** -rng.integer(60)],
    ['log', log, Math.log, anyMagnitude],
    ['log near 1', log, Math.log, (rng: Rng) => 1 + rng.normal() * 2 ** (-4 - rng.integer(48))],
    ['sin', sin, Math.sin, (rng: Rng) => (2 * rng.uniform() - 1) * 2 ** rng.integer(21)],
    ['cos', cos, Math.cos, (rng: Rng) => (2 * rng.uniform() - 1) * 2 ** rng.integer(21)],
    ['sin near multiples of π/2', sin, Math.sin, (rng: Rng) => (rng.integer(600_000) * Math.PI) / 2],
    ['cos near multiples of π/2', cos, Math.cos, (rng: Rng) => (rng.integer(600_000) * Math.PI) / 2],
    ['sin of tiny numbers', sin, Math.sin, (rng: Rng) => anyMagnitude(rng) * 2 ** -1023],
  ] as const)('%s is within two units in the last place of Math', (_, f, g, draw) => {
    expect(worst(f, g, draw).ulps).toBeLessThanOrEqual(2)
  })

  it.each([
    ['all over', (rng: Rng) => rng.uniform() * 50 - 25],
    ['where the formula changes', (rng: Rng) => 1 + rng.normal() * 2 ** -20],
    ['near 0', anyMagnitudeBelowOne],
  ] as const)('tanh %s is within four units in the last place of Math', (_, draw) => {
    expect(worst(tanh, Math.tanh, draw).ulps).toBeLessThanOrEqual(4)
  })

  it('is exact where the answer is', () => {
    expect([exp(0), exp(-0), exp(-Infinity), exp(Infinity), exp(710), exp(-746)]).toEqual([
      1,
      1,
      0,
      Infinity,
      Infinity,
      0,
    ])
    expect([log(1), log(0), log(-0), log(Infinity)]).toEqual([0, -Infinity, -Infinity, Infinity])
    expect([sin(0), sin(-0), cos(0), cos(-0)]).toEqual([0, -0, 1, 1])
    expect([tanh(0), tanh(-0), tanh(-Infinity), tanh(Infinity)]).toEqual([0, -0, -1, 1])
    for (const nothing of [exp(NaN), log(NaN), log(-1), log(-Infinity), tanh(NaN)]) expect(nothing).toBeNaN()
    expect(exp(-745.1)).toBe(5e-324)
    expect(ulps(log(5e-324), Math.log(5e-324))).toBeLessThanOrEqual(1)
    for (let k = -1074; k <= 1023; k++) expect(ulps(log(2 ** k), k * Math.LN2)).toBeLessThanOrEqual(1)
  })

  it('refuses angles that it cannot reduce', () => {
    for (const x of [2 ** 20 + 1, -(2 ** 21), Infinity, NaN]) {
      expect(() => sin(x)).toThrow(NumericalError)
      expect(() => cos(x)).toThrow('[cos] expected an angle of at most 2^20 radians')
    }
  })

  it('gives the same bytes for ever', () => {
    const rng = new Rng(82)
    const values = Float64Array.from({ length: 8000 }, (_, i) => {
      const x = rng.uniform() * 40 - 20
      return [exp, (y: number) => log(Math.abs(y)), sin, cos][i % 4]!(x)
    })
    expect(createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex')).toBe(PINNED_HASH)
  })
})

const PINNED_HASH = 'ae2562b2c31e70ea2767c9f86f26c47587dc93cd923e4445615b24adc6d8baea'
