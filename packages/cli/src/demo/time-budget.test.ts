import { describe, expect, it } from 'vitest'
import { fitBudget } from './time-budget.ts'

const names = ['embedding.tokens', 'layers.0.attention.query']
const speed = { prefill: 500, decode: 50 }

describe('fitBudget', () => {
  it('leaves out what calibrates or searches where it would not fit, and says so', () => {
    const { recipes, leftOut } = fitBudget(5, 8_192, speed, 135e6, names)
    expect(recipes.map(({ name }) => name)).toContain('rtn 4 bits')
    expect(recipes.flatMap(({ rules }) => rules.flatMap(({ use }) => use))).not.toContainEqual(
      expect.objectContaining({ range: 'mse' }),
    )
    expect(leftOut).toContain('gptq 4 bits')
  })

  it('keeps every recipe of a small model', () => {
    const { recipes, leftOut, tokens } = fitBudget(5, 8_192, { prefill: 1e5, decode: 1e4 }, 1e6, names)
    expect(leftOut).toEqual([])
    expect(recipes.length).toBeGreaterThan(8)
    expect(tokens).toBe(8_192)
  })

  it('takes as much text as half the time allows: drawn once, and read by every file', () => {
    const { tokens, recipes } = fitBudget(2, 8_192, speed, 135e6, names)
    const seconds = tokens * (1 / speed.decode + (recipes.length + 1) / speed.prefill)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(seconds).toBeGreaterThan(55)
    expect(fitBudget(1, 8_192, { prefill: 1, decode: 1 }, 135e6, names).tokens).toBe(128)
  })
})
