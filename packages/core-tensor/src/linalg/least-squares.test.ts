import { Matrix, solve } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { DeviceError, NumericalError, ShapeError } from '../errors.ts'
import { binary } from '../reference/binary.ts'
import { matmul } from '../reference/matmul.ts'
import { leastSquares } from './least-squares.ts'
import {
  distance,
  hilbert,
  identityMatrix,
  largestMagnitude,
  matrixFrom,
  randomMatrix,
  randomOfRank,
  remoteMatrix,
  rowsOf,
} from './test-matrices.ts'

describe('leastSquares', () => {
  it.each([
    [1, 1, 1],
    [10, 3, 2],
    [200, 130, 5],
    [70, 70, 1],
    [20, 4, 0],
  ])('leaves a residual that is orthogonal to the columns, %i by %i with %i targets', async (m, n, p) => {
    const a = randomMatrix(m, n)
    const b = randomMatrix(m, p, 2)
    const x = await leastSquares(a, b)
    expect(x.dims).toEqual([n, p])
    const residual = binary('sub', matmul(a, x), b)
    expect(largestMagnitude(matmul(a, residual, { transposeA: true }))).toBeLessThan(1e-11)
  })

  it('agrees with ml-matrix', async () => {
    const a = randomMatrix(50, 20)
    const b = randomMatrix(50, 3, 2)
    const oracle = solve(new Matrix(rowsOf(a)), new Matrix(rowsOf(b)))
    expect(
      distance(
        await leastSquares(a, b),
        matrixFrom(20, 3, (i, j) => oracle.get(i, j)),
      ),
    ).toBeLessThan(1e-13)
  })

  it.each([0.1, 1e6, 1e-6])('satisfies (aᵀ·a + λ)·x = aᵀ·b for λ = %f, wide matrices too', async ridge => {
    for (const [m, n] of [
      [30, 10],
      [10, 30],
    ] as const) {
      const a = randomMatrix(m, n)
      const b = randomMatrix(m, 2, 2)
      const x = await leastSquares(a, b, { ridge })
      const gram = matmul(a, a, { transposeA: true })
      const system = matrixFrom(n, n, (i, j) => Number(gram.data[i * n + j]) + (i === j ? ridge : 0))
      expect(distance(matmul(system, x), matmul(a, b, { transposeA: true }))).toBeLessThan(1e-9)
    }
  })

  it('solves an ill-conditioned system to a small residual', async () => {
    const a = hilbert(8)
    const x = await leastSquares(
      a,
      matmul(
        a,
        matrixFrom(8, 1, () => 1),
      ),
    )
    expect(
      distance(
        x,
        matrixFrom(8, 1, () => 1),
      ),
    ).toBeLessThan(1e-5) // condition number 1.5e10
  })

  it('refuses dependent columns, and takes them with a ridge', async () => {
    const b = randomMatrix(20, 1)
    await expect(leastSquares(randomOfRank(20, 10, 4), b)).rejects.toThrow(NumericalError)
    await expect(leastSquares(randomMatrix(20, 21), b)).rejects.toThrow(/column 20/)
    await expect(
      leastSquares(
        matrixFrom(20, 2, () => 0),
        b,
      ),
    ).rejects.toThrow(/column 0/)
    await expect(leastSquares(randomOfRank(20, 10, 4), b, { ridge: 1e-6 })).resolves.toBeDefined()
  })

  it('rejects bad input', async () => {
    await expect(leastSquares(identityMatrix(2), randomMatrix(3, 1))).rejects.toThrow(ShapeError)
    await expect(leastSquares(identityMatrix(2), randomMatrix(2, 1), { ridge: -1 })).rejects.toThrow(/ridge/)
    await expect(
      leastSquares(
        identityMatrix(2),
        matrixFrom(2, 1, () => Infinity),
      ),
    ).rejects.toThrow(NumericalError)
    await expect(leastSquares(remoteMatrix(), randomMatrix(2, 1))).rejects.toThrow(DeviceError)
  })
})
