import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { matmul } from '../reference/matmul.ts'
import { cholesky } from './cholesky.ts'
import { solveTriangular } from './solve-triangular.ts'
import {
  distance,
  identityMatrix,
  matrixFrom,
  randomMatrix,
  randomPositiveDefinite,
  remoteMatrix,
  transposeOf,
} from './test-matrices.ts'

describe('solveTriangular', () => {
  it.each([
    [0, 3],
    [1, 1],
    [5, 0],
    [64, 3],
    [65, 70],
    [200, 1],
    [512, 512],
  ])('solves for n = %i and m = %i with every triangle and transposition', (n, m) => {
    const lower = cholesky(randomPositiveDefinite(n))
    const b = randomMatrix(n, m, 2)
    for (const upper of [false, true]) {
      for (const transpose of [false, true]) {
        const l = upper ? transposeOf(lower) : lower
        const x = solveTriangular(l, b, { upper, transpose })
        expect(distance(matmul(l, x, { transposeA: transpose }), b)).toBeLessThan(1e-13 * Math.max(n, 1))
      }
    }
  })

  it('reads neither the other triangle nor a unit diagonal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), fc.boolean(), fc.boolean(), (n, upper, transpose) => {
        const noise = randomMatrix(n, n, n)
        const read = (i: number, j: number) => (upper ? i < j : i > j)
        const value = (i: number, j: number) => Number(noise.data[i * n + j]) / n
        const clean = matrixFrom(n, n, (i, j) => (i === j ? 1 : read(i, j) ? value(i, j) : 0))
        const dirty = matrixFrom(n, n, (i, j) => (read(i, j) ? value(i, j) : 1e9))
        const b = randomMatrix(n, 2, n + 1)
        const x = solveTriangular(dirty, b, { upper, transpose, unitDiagonal: true })
        expect(distance(matmul(clean, x, { transposeA: transpose }), b)).toBeLessThan(1e-12)
      }),
      { numRuns: 40, seed: 1 },
    )
  })

  it('names the zero on the diagonal of a singular matrix', () => {
    const l = matrixFrom(3, 3, (i, j) => (i === j && i < 2 ? 1 : 0))
    expect(() => solveTriangular(l, randomMatrix(3, 1))).toThrow(NumericalError)
    expect(() => solveTriangular(l, randomMatrix(3, 1))).toThrow(/index 2/)
    expect(() => solveTriangular(l, randomMatrix(3, 1), { unitDiagonal: true })).not.toThrow()
  })

  it('rejects shapes that do not fit, and remote tensors', () => {
    expect(() => solveTriangular(randomMatrix(2, 3), randomMatrix(2, 1))).toThrow(ShapeError)
    expect(() => solveTriangular(identityMatrix(2), randomMatrix(3, 1))).toThrow(/b with 2 rows/)
    expect(() =>
      solveTriangular(
        identityMatrix(2),
        matrixFrom(2, 1, () => Number.NaN),
      ),
    ).toThrow(NumericalError)
    expect(() => solveTriangular(remoteMatrix(), randomMatrix(2, 1))).toThrow(DeviceError)
  })
})
