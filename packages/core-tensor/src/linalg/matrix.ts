import type { Device } from '../device/device.ts'
import type { MatmulOptions } from '../device/kernels.ts'
import { NumericalError, ShapeError } from '../errors.ts'
import { asTensor, requireHost, Tensor, type TensorLike } from '../tensor/tensor.ts'
import { floatsOf } from './floats.ts'
import { matmul } from './multiply.ts'

/** A block of a row-major float64 matrix: element (i, j) is at `offset + i·stride + j`. */
export interface Matrix {
  readonly data: Float64Array
  readonly rows: number
  readonly columns: number
  readonly offset: number
  readonly stride: number
  /** Whose matmul multiplies it; the data itself is always in JavaScript memory. */
  readonly device: Device
}

type Transposes = Pick<MatmulOptions, 'transposeA' | 'transposeB'>

/** Columns that are factorised before the rest of a matrix is updated by one matmul. */
export const BLOCK = 64

/** A float64 copy of a matrix, to be overwritten; throws as {@link requireFinite} does. */
export function matrixOf(x: TensorLike, where: string): Matrix {
  const tensor = requireFinite(x, where)
  const [rows, columns] = tensor.dims as [number, number]
  const matrix = zeros(rows, columns, tensor.device)
  matrix.data.set(floatsOf(tensor, where))
  return matrix
}

/**
 * A tensor as it is.
 *
 * @throws {DeviceError} when it is not on a host device
 * @throws {DTypeError} when its elements are neither float32 nor float64
 * @throws {NumericalError} when an element is NaN or infinite
 * @throws {ShapeError} when it is not a matrix
 */
export function requireFinite(x: TensorLike, where: string): Tensor {
  const tensor = asTensor(x)
  requireHost(tensor, where)
  const [, columns] = tensor.dims
  if (columns === undefined || tensor.dims.length !== 2) {
    throw new ShapeError(`[${where}] expected a matrix, got [${tensor.dims}]; reshape it`)
  }
  const numbers = floatsOf(tensor, where)
  const at = numbers.findIndex(x => !Number.isFinite(x))
  if (at >= 0) {
    throw new NumericalError(
      `[${where}] expected finite numbers, got ${numbers[at]} at (${Math.floor(at / columns)}, ${at % columns}); ` +
        'look for an overflow where it was made',
    )
  }
  return tensor
}

/** Like {@link matrixOf}, and square. */
export function squareOf(x: TensorLike, where: string): Matrix {
  const a = matrixOf(x, where)
  if (a.rows !== a.columns) {
    throw new ShapeError(`[${where}] expected a square matrix, got [${a.rows},${a.columns}]`)
  }
  return a
}

export function zeros(rows: number, columns: number, device: Device): Matrix {
  return { data: new Float64Array(rows * columns), rows, columns, offset: 0, stride: columns, device }
}

/** The matrix of element(i, j), which is asked for row by row. */
export function filled(
  rows: number,
  columns: number,
  device: Device,
  element: (i: number, j: number) => number,
): Matrix {
  const a = zeros(rows, columns, device)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) a.data[i * columns + j] = element(i, j)
  }
  return a
}

/** Ones on the diagonal, zeros elsewhere. */
export function identity(rows: number, columns: number, device: Device): Matrix {
  return filled(rows, columns, device, (i, j) => (i === j ? 1 : 0))
}

/** The `rows` by `columns` from (row, column) on, without a copy. */
export function block(
  a: Matrix,
  [row, column]: readonly [number, number],
  rows: number,
  columns: number,
): Matrix {
  return { ...a, rows, columns, offset: a.offset + row * a.stride + column }
}

/** Row i, without a copy. */
export function rowOf({ data, columns, offset, stride }: Matrix, i: number): Float64Array {
  const start = offset + i * stride
  return data.subarray(start, start + columns)
}

/** to ← to + factor·from */
export function addScaled(to: Float64Array, factor: number, from: Float64Array): void {
  for (let j = 0; j < to.length; j++) to[j]! += factor * from[j]!
}

/** Sums of squares below this have lost digits; next to elements near 1 what they are squares of is nothing. */
export const VANISHING = 2 ** -960

/** Divides a matrix by a power of two, so that its largest element is near 1 and no square overflows. */
export function normalize({ data }: Matrix): number {
  let largest = 0
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]!))
  if (largest === 0) return 1
  let scale = 2 ** 1023
  while (scale / 2 >= largest) scale /= 2
  for (let i = 0; i < data.length; i++) data[i]! /= scale
  return scale
}

/** Undoes {@link normalize} in numbers that grow with the matrix. */
export function rescale(values: Float64Array, scale: number, where: string): void {
  for (let i = 0; i < values.length; i++) {
    values[i]! *= scale
    if (!Number.isFinite(values[i])) {
      throw new NumericalError(`[${where}] expected a result within float64, got an overflow; scale it down`)
    }
  }
}

export function transposed(a: Matrix): Matrix {
  return filled(a.columns, a.rows, a.device, (i, j) => a.data[j * a.columns + i]!)
}

/** The columns of a matrix in another order, or some of them. */
export function columnsOf(a: Matrix, order: readonly number[]): Matrix {
  return filled(a.rows, order.length, a.device, (i, j) => a.data[i * a.columns + order[j]!]!)
}

/** A matrix as a tensor of its device, of the same memory where it can be; a tensor as it is. */
export function tensorOf(a: Matrix | Tensor): Tensor {
  if (a instanceof Tensor) return a
  return asTensor({ type: 'float64', dims: [a.rows, a.columns], data: contiguous(a) }, a.device)
}

/** Numbers as a tensor of one dimension. */
export function vectorOf(data: Float64Array, device: Device): Tensor {
  return asTensor({ type: 'float64', dims: [data.length], data }, device)
}

/** a·b */
export function product(a: Matrix, b: Matrix, transposes: Transposes = {}): Matrix {
  const c = zeros(
    transposes.transposeA ? a.columns : a.rows,
    transposes.transposeB ? b.rows : b.columns,
    a.device,
  )
  addProduct(c, a, b, transposes)
  return c
}

/** c ← c + factor·a·b. Sums run in the order of k, so the bytes are the same on every host device. */
export function addProduct(
  c: Matrix,
  a: Matrix | Tensor,
  b: Matrix,
  { factor = 1, ...transposes }: Transposes & { factor?: number | undefined } = {},
): void {
  if (c.rows === 0 || c.columns === 0) return
  c.device.scope(() => {
    const sums = matmul(tensorOf(a), tensorOf(b), { ...transposes, order: 'sequential' }).data as Float64Array
    for (let i = 0; i < c.rows; i++) {
      addScaled(rowOf(c, i), factor, sums.subarray(i * c.columns, (i + 1) * c.columns))
    }
  })
}

function contiguous(a: Matrix): Float64Array {
  const size = a.rows * a.columns
  if (a.stride === a.columns || a.rows <= 1) return a.data.subarray(a.offset, a.offset + size)
  const packed = new Float64Array(size)
  for (let i = 0; i < a.rows; i++) packed.set(rowOf(a, i), i * a.columns)
  return packed
}
