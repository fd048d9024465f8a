import { describe, expect, it } from 'vitest'
import { json, tersor } from '../testing/tersor.ts'

describe('a bundled model', () => {
  it('is scored on tasks, and on stories where no text is given', async () => {
    const result = await json('eval', 'tiny-lm-mini', '--tasks', 'addition-2,copy', '--n', '5')
    expect(Object.keys(result.tasks)).toEqual(['addition-2', 'copy'])
    expect(result.tasks.copy.n).toBe(5)
    expect(result.tasks.copy.low).toBeLessThanOrEqual(result.tasks.copy.accuracy)
    for (const figure of ['answerNats', 'bitsPerByte', 'perplexity'])
      expect(result[figure]).toBeGreaterThan(0)
    const { out } = await tersor('eval', 'tiny-lm-mini', '--tasks', 'addition-2', '--n', '5', '--seed', '7')
    expect(out).toMatch(/addition-2 .+ to .+ 5 /)
    const other = Number(/^perplexity +(\S+)$/m.exec(out)![1])
    expect(other).toBeGreaterThan(1)
    expect(other).not.toBeCloseTo(result.perplexity, 4)
  })
})
