import { Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { routeTokens } from './route-tokens.ts'

it.each([
  [7, 5, 2, 'float32'],
  [1, 8, 3, 'float64'],
  [40, 4, 4, 'float64'],
  [33, 1, 1, 'float32'],
  [0, 4, 2, 'float32'],
] as const)('routes %i tokens to %i experts, %i each, as sorting does, in %s', (count, experts, k, type) => {
  const rng = new Rng(3)
  const values = Array.from({ length: count * experts }, () => 2 * rng.normal())
  const logits = new Tensor(type, values, [count, experts])
  const { tokens, weights, borders } = routeTokens(logits, { perToken: k })
  expect(weights.type).toBe(type)
  expect(weights.dims).toEqual([count * k, 1])
  const rows: [expert: number, token: number, weight: number][] = []
  for (let token = 0; token < count; token++) {
    const row = values.slice(token * experts, (token + 1) * experts)
    const chosen = row.map((z, expert) => [z, expert] as const).sort((a, b) => b[0] - a[0])
    const total = chosen.slice(0, k).reduce((sum, [z]) => sum + Math.exp(z), 0)
    for (const [z, expert] of chosen.slice(0, k)) rows.push([expert, token, Math.exp(z) / total])
  }
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const below = (expert: number) => rows.filter(row => row[0] < expert).length
  expect(Array.from(borders)).toEqual(Array.from({ length: experts + 1 }, (_, expert) => below(expert)))
  expect(Array.from(tokens.data as Int32Array)).toEqual(rows.map(([, token]) => token))
  for (const [i, [, , weight]] of rows.entries())
    expect((weights.data as Float32Array)[i]).toBeCloseTo(weight, type === 'float64' ? 14 : 6)
})

it('takes the first of equals', () => {
  const { borders } = routeTokens(new Tensor('float32', [4, 4, 4], [1, 3]), { perToken: 2 })
  expect(Array.from(borders)).toEqual([0, 1, 2, 2])
})

it('refuses more choices than experts', () => {
  const logits = new Tensor('float32', [1, 2], [1, 2])
  for (const perToken of [0, 3, 1.5]) expect(() => routeTokens(logits, { perToken })).toThrow(ShapeError)
})
