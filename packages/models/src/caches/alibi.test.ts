import { expect, it } from 'vitest'
import { alibiSlopes } from './alibi.ts'

it('has slopes of powers of two, those between for heads beyond', () => {
  expect(alibiSlopes(4)).toEqual([1 / 4, 1 / 16, 1 / 64, 1 / 256])
  expect(alibiSlopes(6)).toEqual([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8])
})
