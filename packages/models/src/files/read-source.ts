import {
  concat,
  decode,
  type Encoded,
  FormatError,
  isEncoded,
  selectRows,
  sizeOf,
  Tensor,
  toFloat32,
} from '@tersor/core-tensor'
import { exp } from '@tersor/core-tensor/portable-math'
import { binary, cast, transpose } from '@tersor/core-tensor/reference'
import { innerOf, type Placed, type Source, tensorName, type Which } from './sources.ts'

type Weight = Tensor | Encoded

/** Named tensors of a file, read one at a time. */
export interface StoredTensors {
  has(name: string): boolean
  dims(name: string): readonly number[]
  /** Whether some rows are read without the others. */
  readsRows(name: string): boolean
  /** @param rows  of (rows, …), with several leading dimensions of all of them together; all by default */
  load(name: string, rows?: readonly [from: number, to: number]): Promise<Weight>
}

/** Rows of a source, as a matrix over its last axis, from one to before another; all without. */
export type Range = readonly [from: number, to: number] | undefined

/**
 * The weight or the bias of a role, made of the tensors in which its source lies. Rows that lie together are read alone,
 * so that one expert of a stack does not take the whole stack into memory.
 *
 * @param dims  what the role has
 * @param rows  of it as a matrix over its last axis; all by default
 * @throws {FormatError} when what is there does not fit
 */
export async function readSource(
  stored: StoredTensors,
  placed: Placed,
  which: Which,
  whole: readonly number[],
  rows?: Range,
): Promise<Weight> {
  const dims = rows === undefined ? whole : [rows[1] - rows[0], ...whole.slice(-1)]
  const found = await read(stored, placed, which, rows)
  if (sizeOf(found.dims) !== sizeOf(dims)) throw unfit(placed, which, found.dims, dims)
  if (found.dims.join() === dims.join()) return found
  // Kernels of convolutions have a dimension of 1 more in some files.
  const same = (of: readonly number[]) => of.filter(dim => dim !== 1).join()
  if (isEncoded(found) || same(found.dims) !== same(dims)) throw unfit(placed, which, found.dims, dims)
  return found.reshape([...dims])
}

/** Whether some rows of a role are read without what lies around them. */
export function readsRows(stored: StoredTensors, { source, ...at }: Placed, which: Which): boolean {
  if (which === 'bias') return false
  if (typeof source === 'string' || 'tensor' in source)
    return stored.readsRows(tensorName(source, which, at)!)
  if ('rows' in source && (source.groups ?? 1) > 1) return false
  if ('expert' in source && !isPlainStack(source.expert)) return false
  return (
    ('rows' in source || 'expert' in source) && readsRows(stored, { source: innerOf(source), ...at }, which)
  )
}

async function read(stored: StoredTensors, placed: Placed, which: Which, range: Range): Promise<Weight> {
  const { source, ...at } = placed
  if (typeof source === 'string' || 'tensor' in source)
    return stored.load(tensorName(source, which, at)!, range)
  if ('concat' in source) return readConcat(stored, source.concat, at, which)
  const inner: Placed = { source: innerOf(source), ...at }
  if ('rows' in source) return readRows(stored, source, inner, which, range)
  if ('expert' in source) return readExpert(stored, inner, which, range)
  const whole = await read(stored, inner, which, undefined)
  const made = derived(source, whole, which)
  return range === undefined ? made : selectRows(made, range)
}

function derived(source: Source, whole: Weight, which: Which): Weight {
  if (typeof source === 'object' && 'transposed' in source) {
    return which === 'bias' ? whole : lastTwoSwapped(plain(whole))
  }
  if (typeof source === 'object' && 'interleaved' in source) {
    const [rows = 0] = whole.dims
    if (source.headDim % 2 !== 0 || rows % source.headDim !== 0) {
      throw new FormatError(
        `[models/read-source] expected rows of heads of an even size, got ${rows} rows and a headDim of ${source.headDim}`,
      )
    }
    return selectRows(whole, halvesOfPairs(rows, source.headDim))
  }
  if (typeof source === 'object' && 'minusOne' in source) {
    if (which === 'bias') return whole
    const floats = cast(plain(whole), 'float32')
    return binary('sub', floats, new Tensor('float32', [1], [1]))
  }
  const values = Float32Array.from(toFloat32(plain(whole)), value => -exp(value))
  return new Tensor('float32', values, whole.dims)
}

/** The parts of every group of rows; contiguous, and read alone, where there is one group. */
async function readRows(
  stored: StoredTensors,
  source: Extract<Source, { rows: Source }>,
  inner: Placed,
  which: Which,
  range: Range,
): Promise<Weight> {
  const { groups = 1, parts, from, to = from + 1 } = source
  const rows = rowsOf(stored, inner, which)
  const part = rows / (groups * parts)
  if (!Number.isInteger(part)) {
    throw new FormatError(
      `[models/read-source] expected rows in ${groups} groups of ${parts} parts, got ${rows}`,
    )
  }
  if (groups === 1) {
    const [start, end] = range ?? [0, (to - from) * part]
    return read(stored, inner, which, [from * part + start, from * part + end])
  }
  const whole = await read(stored, inner, which, undefined)
  const wanted: number[] = []
  for (let group = 0; group < groups; group++) {
    for (let row = from * part; row < to * part; row++) wanted.push(group * parts * part + row)
  }
  return selectRows(whole, Int32Array.from(range === undefined ? wanted : wanted.slice(...range)))
}

/** One matrix of a stack, or one row of biases as a vector. */
async function readExpert(stored: StoredTensors, inner: Placed, which: Which, range: Range): Promise<Weight> {
  const dims = dimsOf(stored, inner, which)
  const [count = 0, ...rest] = dims
  const rows = which === 'bias' ? 1 : rest[0]!
  const expert = inner.expert!
  if (expert >= count)
    throw new FormatError(`[models/read-source] expected more than ${expert} experts, got ${count}`)
  if (isPlainStack(inner.source)) {
    const [start, end] = range ?? [0, rest[0]!]
    const [from, to] = which === 'bias' ? [expert, expert + 1] : [expert * rows + start, expert * rows + end]
    const found = await read(stored, inner, which, [from, to])
    if (which !== 'bias') return found
    const row = plain(found).reshape([rest[0]!])
    return range === undefined ? row : selectRows(row, range)
  }
  const whole = plain(await read(stored, inner, which, undefined))
  const one = whole.rows(expert, expert + 1).reshape(rest)
  return range === undefined ? one : selectRows(one, range)
}

/** Whether the rows of a stack lie in the file as they are meant. */
function isPlainStack(source: Source): boolean {
  return typeof source === 'string' || 'tensor' in source
}

async function readConcat(
  stored: StoredTensors,
  sources: readonly Source[],
  at: Omit<Placed, 'source'>,
  which: Which,
): Promise<Weight> {
  const parts: Weight[] = []
  for (const source of sources) parts.push(await read(stored, { source, ...at }, which, undefined))
  return concat(0, ...parts)
}

function rowsOf(stored: StoredTensors, placed: Placed, which: Which): number {
  const dims = dimsOf(stored, placed, which)
  const matrix = 'expert' in asObject(placed.source) ? dims.slice(1) : dims
  return matrix[0] ?? 0
}

/** The dims of what lies in the file, behind what is done to rows; swapped where it is transposed. */
function dimsOf(stored: StoredTensors, { source, ...at }: Placed, which: Which): readonly number[] {
  if (typeof source === 'string' || 'tensor' in source) return stored.dims(tensorName(source, which, at)!)
  if ('concat' in source) throw new FormatError('[models/read-source] expected no parts of a concatenation')
  const dims = dimsOf(stored, { source: innerOf(source), ...at }, which)
  if (!('transposed' in source) || which === 'bias') return dims
  return [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!]
}

function asObject(source: Source): object {
  return typeof source === 'string' ? {} : source
}

/** Row r of each head in the order of halves is row 2r of it in that of pairs, or 2r + 1 in the second half. */
function halvesOfPairs(rows: number, headDim: number): Int32Array {
  const half = headDim / 2
  return Int32Array.from({ length: rows }, (_, row) => {
    const inHead = row % headDim
    return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1)
  })
}

function lastTwoSwapped(x: Tensor): Tensor {
  return x.dims.length === 2 ? transpose(x, [1, 0]) : transpose(x, [0, 2, 1])
}

function plain(weight: Weight): Tensor {
  return isEncoded(weight) ? decode(weight) : weight
}

function unfit(
  placed: Placed,
  which: Which,
  got: readonly number[],
  expected: readonly number[],
): FormatError {
  return new FormatError(
    `[models/read-source] expected a ${which} [${expected}] from ${JSON.stringify(placed.source)}, got [${got}]; the file and its configuration do not belong together`,
  )
}
