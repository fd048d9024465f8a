import { codebook, NumericalError, reference, Tensor } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { requireFiniteWeight } from './require-finite.ts'

describe('a weight with a table of 8-bit floats', () => {
  const table = new Tensor('float32', [1, 2, Number.NaN, 4], [4, 1])
  const weight = (codes: number[]) =>
    codebook({ codes: new Tensor('uint8', codes, [2, 2]), table }, { dims: [2, 2], bits: 8 })

  it('is finite where no code points at what is no number', async () => {
    await expect(requireFiniteWeight("'w'", weight([0, 1, 3, 1]), reference)).resolves.toBeUndefined()
  })

  it('is refused with the place where one does', async () => {
    const refused = requireFiniteWeight("'w'", weight([0, 1, 2, 1]), reference)
    await expect(refused).rejects.toThrow(NumericalError)
    await expect(refused).rejects.toThrow("in 'w', got NaN at [1,0]")
  })
})
