import { bytesOf, type DType, isEncoded, sizeOf, Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import type { Weight } from '../decoder/model-weights.ts'
import { innerOf, type Placed, type Source } from './sources.ts'

/** One weight, and where it belongs in a tensor of a file. */
export interface TensorPart {
  readonly placed: Placed
  readonly weight: Weight
}

/**
 * A tensor of a file, put together from the weights that are parts of it: what `readSource` takes apart, bit for bit.
 *
 * @param parts  all of them
 * @param stack  how many matrices lie one behind the other in it; none where it is one matrix
 * @returns undefined where that is not possible: parts that are compressed or differ in type, or numbers that are
 *   functions of those in the file
 */
export function joinTensor(parts: readonly TensorPart[], stack?: number): Tensor | undefined {
  const [first] = parts
  if (first === undefined || !parts.every(({ placed }) => isView(placed.source))) return undefined
  const tensors = parts.flatMap(({ weight }) => (isEncoded(weight) ? [] : [weight]))
  const { type } = tensors[0] ?? {}
  if (type === undefined || tensors.length < parts.length || tensors.some(each => each.type !== type))
    return undefined
  const width = tensors[0]!.dims.length === 1 ? 1 : tensors[0]!.dims.at(-1)!
  const rows = tensors.reduce((sum, { size }) => sum + size / width, 0)
  const whole = new Uint8Array(bytesOf(type, rows * width))
  const rowBytes = whole.length / rows
  for (const { placed, weight } of parts) {
    const from = bytesOfTensor(weight as Tensor)
    const count = from.length / rowBytes
    const to = rowsInTensor(placed, count, rows / (stack ?? 1))
    for (let row = 0; row < count; row++)
      whole.set(from.subarray(row * rowBytes, (row + 1) * rowBytes), to(row) * rowBytes)
  }
  const matrix = shaped(type, whole, [rows, width], tensors[0]!.dims.length, stack)
  // Biases are not stored the other way round.
  const isMatrix = tensors[0]!.dims.length > 1
  return isMatrix && isTransposed(first.placed.source) ? swapped(matrix) : matrix
}

/** Whether a source only says where rows lie. */
function isView(source: Source): boolean {
  if (typeof source === 'string' || 'tensor' in source) return true
  if ('rows' in source || 'transposed' in source || 'expert' in source) return isView(innerOf(source))
  return false
}

function isTransposed(source: Source): boolean {
  if (typeof source === 'string' || 'tensor' in source || 'concat' in source) return false
  return 'transposed' in source || isTransposed(innerOf(source))
}

/**
 * Where a weight's row lies among those of the tensor.
 *
 * @param count  rows of the weight
 * @param each  rows of one matrix of the tensor
 */
function rowsInTensor({ source, expert = 0 }: Placed, count: number, each: number): (row: number) => number {
  if (typeof source === 'string' || 'tensor' in source || 'concat' in source) return row => row
  if ('expert' in source) {
    const inside = rowsInTensor({ source: source.expert, expert }, count, each)
    return row => expert * each + inside(row)
  }
  if (!('rows' in source)) return rowsInTensor({ source: innerOf(source), expert }, count, each)
  const { groups = 1, parts, from, to = from + 1 } = source
  const taken = count / groups // rows of the weight in each group
  const group = (taken / (to - from)) * parts // rows of the tensor in each group
  const inside = rowsInTensor({ source: source.rows, expert }, groups * group, each)
  const start = (from * taken) / (to - from)
  return row => inside(Math.floor(row / taken) * group + start + (row % taken))
}

function bytesOfTensor({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Rows as a vector, a matrix or a stack, as what they were taken from. */
function shaped(
  type: DType,
  bytes: Uint8Array,
  [rows, width]: readonly [rows: number, width: number],
  rank: number,
  stack: number | undefined,
): Tensor {
  const matrix = rank === 1 ? [rows] : [rows, width]
  const dims = stack === undefined ? matrix : [stack, matrix[0]! / stack, ...matrix.slice(1)]
  if (sizeOf(dims) !== rows * width) throw new Error('a stack that does not divide its rows')
  return new Tensor(type, bytes, dims)
}

function swapped(x: Tensor): Tensor {
  return transpose(x, x.dims.length === 2 ? [1, 0] : [0, 2, 1])
}
