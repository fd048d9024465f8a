import { describe, expect, it } from 'vitest'
import { pool } from './pool.ts'

// Three tokens of two elements.
const hidden = Float32Array.of(3, -4, 0, 1, 6, -6)

describe('pool', () => {
  it('takes the mean, the first token, or the largest of each element', () => {
    expect(pool(hidden, 2, { kind: 'mean', normalize: false })).toEqual(Float32Array.of(3, -3))
    expect(pool(hidden, 2, { kind: 'cls', normalize: false })).toEqual(Float32Array.of(3, -4))
    expect(pool(hidden, 2, { kind: 'max', normalize: false })).toEqual(Float32Array.of(6, 1))
  })

  it('divides by the length, and leaves zeros', () => {
    expect(pool(hidden, 2, { kind: 'cls', normalize: true })).toEqual(Float32Array.of(0.6, -0.8))
    expect(pool(new Float32Array(4), 2, { kind: 'mean', normalize: true })).toEqual(new Float32Array(2))
  })
})
