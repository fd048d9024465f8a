import type { Memory } from '../device/device.ts'
import { matmul } from '../reference/matmul.ts'
import { transpose } from '../reference/transpose.ts'
import { Rng } from '../rng.ts'
import { numbersOf } from '../tensor/convert.ts'
import { Tensor } from '../tensor/tensor.ts'

/** A matrix from a rule for its elements. */
export function matrixFrom(rows: number, columns: number, element: (i: number, j: number) => number): Tensor {
  const data = new Float64Array(rows * columns)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[at++] = element(i, j)
  }
  return new Tensor('float64', data, [rows, columns])
}

export function randomMatrix(rows: number, columns: number, seed = 1): Tensor {
  const rng = new Rng(seed)
  return matrixFrom(rows, columns, () => rng.normal())
}

export function randomSymmetric(n: number, seed = 1): Tensor {
  const x = randomMatrix(n, n, seed).data as Float64Array
  return matrixFrom(n, n, (i, j) => x[i * n + j]! + x[j * n + i]!)
}

/** Symmetric, with eigenvalues from about 1 up. */
export function randomPositiveDefinite(n: number, seed = 1): Tensor {
  const x = randomMatrix(n, n, seed)
  const data = matmul(x, x, { transposeB: true }).data as Float64Array
  return matrixFrom(n, n, (i, j) => data[i * n + j]! + (i === j ? 1 : 0))
}

/** (m, n) of the given rank. */
export function randomOfRank(m: number, n: number, rank: number, seed = 1): Tensor {
  return matmul(randomMatrix(m, rank, seed), randomMatrix(rank, n, seed + 1))
}

/** The Hilbert matrix, whose condition number grows as e^3.5n. */
export const hilbert = (n: number): Tensor => matrixFrom(n, n, (i, j) => 1 / (i + j + 1))

export const identityMatrix = (n: number): Tensor => matrixFrom(n, n, (i, j) => (i === j ? 1 : 0))

export const transposeOf = (a: Tensor): Tensor => transpose(a, [1, 0])

/** a·diag(s) */
export function scaleColumns(a: Tensor, s: Tensor): Tensor {
  const [rows, columns] = a.dims as [number, number]
  const [x, factors] = [numbersOf(a), numbersOf(s)]
  return matrixFrom(rows, columns, (i, j) => x[i * columns + j]! * factors[j]!)
}

/** The largest difference of two elements; NaN where there is one. */
export function distance(a: Tensor, b: Tensor): number {
  if (String(a.dims) !== String(b.dims)) throw new Error(`[${a.dims}] is not [${b.dims}]`)
  const [x, y] = [numbersOf(a), numbersOf(b)]
  let largest = 0
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]! - y[i]!))
  return largest
}

/** The largest deviation of aᵀ·a from the identity. */
export function orthogonalityError(a: Tensor): number {
  return distance(matmul(a, a, { transposeA: true }), identityMatrix(a.dims[1]!))
}

export function largestMagnitude(a: Tensor): number {
  return (a.data as Float64Array).reduce((largest, x) => Math.max(largest, Math.abs(x)), 0)
}

/** The Frobenius norm, or the smallest number of a matrix of zeros. */
export function norm(a: Tensor): number {
  const largest = largestMagnitude(a) || 1
  const squares = (a.data as Float64Array).reduce((sum, x) => sum + (x / largest) ** 2, 0)
  return largest * Math.sqrt(squares) || Number.MIN_VALUE
}

/** The rows of a matrix, as ml-matrix takes them. */
export function rowsOf(a: Tensor): number[][] {
  const [rows, columns] = a.dims as [number, number]
  return Array.from({ length: rows }, (_, i) =>
    Array.from(a.data.slice(i * columns, (i + 1) * columns), Number),
  )
}

/** A matrix that is out of reach. */
export function remoteMatrix(): Tensor {
  const memory = { device: { name: 'far', host: false }, byteLength: 32 } as unknown as Memory
  const bytes = () => new Uint8Array(32)
  return new Tensor('float64', { ...memory, bytes } as Memory, [2, 2], 0, false)
}
