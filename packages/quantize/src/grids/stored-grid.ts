import {
  affineEncoding,
  codebookEncoding,
  type DType,
  decode,
  denseEncoding,
  type Encoded,
  encodeNarrow,
  isEncoded,
  narrowFloats,
  sameDims,
  scaledEncoding,
  Tensor,
  toFloat32,
  UnsupportedError,
  withParts,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { affineGrid } from './affine.ts'
import { packedCodes } from './packed-codes.ts'

/** The grid that the codes of an encoded matrix lie on; `group` numbers the ranges of all rows, row by row. */
export interface StoredGrid {
  /** Weights of a row that share a range. */
  readonly groupSize: number
  /** The nearest code. */
  code(x: number, group: number): number
  value(code: number, group: number): number
  /** How values follow from codes, where scales may be moved: value = unit · scale + offset. */
  readonly line: StoredLine | undefined
  /** The same encoding with other codes, one for each element. */
  encoded(codes: Uint8Array): Encoded
}

/** Scales, and offsets where a grid has them, that can be moved and stored again. */
export interface StoredLine {
  readonly type: DType
  readonly scale: Float32Array
  readonly offset: Float32Array | undefined
  unit(code: number, group: number): number
}

/**
 * Reads the grid of a matrix that `rtn` or `gptq` rounded.
 *
 * @throws {UnsupportedError} for other encodings, and for groups along another axis
 */
export function storedGrid(e: Encoded, where: string): StoredGrid {
  const stored = affineStored(e) ?? codebookStored(e) ?? float8Stored(e)
  if (stored !== undefined) return stored
  throw new UnsupportedError(
    `[${where}] expected codes in groups along the rows of a matrix, got '${e.encoding.kind}'; start from rtn, nf4, float8 or gptq`,
  )
}

const { fround } = Math

function affineStored(e: Encoded): StoredGrid | undefined {
  if (e.encoding !== affineEncoding) return undefined
  const { bits, group, axis } = e.meta as { bits: number; group: number; axis: number }
  if (axis !== 1 || e.parts.scale!.dims[0] !== e.dims[0]) return undefined
  const scale = numbers(e.parts.scale!)
  const [zero, offset] = [e.parts.zero, e.parts.offset].map(part => part && numbers(part))
  const grid = affineGrid({ bits })
  const range = new Float32Array(grid.width)
  /** The range of a group as the grid reads it: codes are decided where they decode to. */
  const rangeOf = (at: number) => {
    range.set([scale[at]!, zero?.[at] ?? 0, offset?.[at] ?? 0, scale[at]!, offset?.[at] ?? 0])
    return range
  }
  const line = lineOf(e, scale, offset, (code, at) => code - (zero?.[at] ?? 0))
  return {
    groupSize: group,
    code: (x, at) => grid.code(x, rangeOf(at), 0),
    value: (code, at) => grid.value(code, rangeOf(at), 0),
    line,
    encoded: codes => withParts(e, { codes: repacked(e, codes, bits), ...movedParts(e, line) }),
  }
}

function codebookStored(e: Encoded): StoredGrid | undefined {
  if (e.encoding !== codebookEncoding || e.parts.scale?.dims[0] !== e.dims[0]) return undefined
  const { bits, group, axis } = e.meta as { bits: number; group: number; axis: number }
  const { table: entries } = e.parts
  if (axis !== 1 || bits > 8 || !sameDims(entries!.dims, [entries!.dims[0]!, 1])) return undefined
  const table = numbers(entries!)
  const scale = numbers(e.parts.scale!)
  const line = lineOf(e, scale, undefined, code => table[code]!)
  const value = (code: number, at: number) => fround(table[code]! * scale[at]!)
  return {
    groupSize: group,
    code: (x, at) => closest(table.length, code => value(code, at) - x),
    value,
    line,
    encoded: codes => withParts(e, { codes: repacked(e, codes, bits), ...movedParts(e, line) }),
  }
}

/** Floats of 8 bits with a scale for each row. */
function float8Stored(e: Encoded): StoredGrid | undefined {
  const { base, scale: scales } = e.parts
  if (e.encoding !== scaledEncoding || e.meta.axis !== 0 || base === undefined || !isEncoded(base))
    return undefined
  const floats = base.encoding === denseEncoding ? base.parts.values : undefined
  if (!(floats instanceof Tensor) || scales?.dims[0] !== e.dims[0]) return undefined
  const { type, dims, device } = floats
  if (type !== 'float8e4m3fn' && type !== 'float8e5m2') return undefined
  const every = new Tensor(
    type,
    Uint8Array.from({ length: 256 }, (_, bits) => bits),
    [256],
  )
  const table = toFloat32(every)
  const scale = numbers(scales!)
  return {
    groupSize: Math.max(1, e.dims[1]!),
    code: (x, at) => encodeNarrow(fround(x / scale[at]!), narrowFloats[type]),
    value: (code, at) => fround(table[code]! * scale[at]!),
    line: undefined,
    encoded: codes =>
      withParts(e, { base: withParts(base, { values: device.upload(new Tensor(type, codes, dims)) }) }),
  }
}

function numbers(part: Tensor | Encoded): Float32Array {
  return Float32Array.from(toFloat32(decode(part)))
}

function lineOf(
  { parts: { scale, offset } }: Encoded,
  scales: Float32Array,
  offsets: Float32Array | undefined,
  unit: StoredLine['unit'],
): StoredLine | undefined {
  const plain = scale instanceof Tensor && (offset === undefined || offset instanceof Tensor)
  return plain ? { type: scale.type, scale: scales, offset: offsets, unit } : undefined
}

/** Scales and offsets as they are now. */
function movedParts({ parts }: Encoded, line: StoredLine | undefined): Record<string, Tensor> {
  if (line === undefined) return {}
  const stored = (values: Float32Array, { dims, device }: Tensor) =>
    device.upload(cast(new Tensor('float32', values, dims), line.type))
  return {
    scale: stored(line.scale, parts.scale as Tensor),
    ...(line.offset !== undefined && { offset: stored(line.offset, parts.offset as Tensor) }),
  }
}

function repacked(e: Encoded, codes: Uint8Array, bits: number): Tensor {
  const { codes: part } = e.parts
  const device = part instanceof Tensor ? part.device : decode(part!, { rows: [0, 0] }).device
  return packedCodes(codes, e.dims, bits, device)
}

/** The index below `count` whose distance is least in magnitude; of equals the first. */
function closest(count: number, distance: (index: number) => number): number {
  let best = 0
  let least = Infinity
  for (let i = 0; i < count; i++) {
    const squared = distance(i) ** 2
    if (squared < least) {
      least = squared
      best = i
    }
  }
  return best
}
