import {
  type DecodeOptions,
  decode,
  deviceOf,
  type Encoded,
  type Encoding,
  encoded,
  isEncoded,
  type LinearOptions,
} from '../../encoded/encoded.ts'
import { affineEncoding } from '../../encoded/kinds/affine.ts'
import { codebookEncoding } from '../../encoded/kinds/codebook.ts'
import { linearTiled } from '../../encoded/linear-tiled.ts'
import { mapParts } from '../../encoded/map-parts.ts'
import { malformed, rowRange, tensorPart } from '../../encoded/parts.ts'
import { plainIntegers } from '../../encoded/plain-integers.ts'
import { cast } from '../../reference/cast.ts'
import { packedRowBytes } from '../../tensor/bits.ts'
import { numbersOf } from '../../tensor/convert.ts'
import { sameDims } from '../../tensor/dims.ts'
import { type DType, isFloat } from '../../tensor/dtype.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { floatCodes, type Primitives, shiftKinds } from '../primitives.ts'
import { cutPieces, paddedGroup, padPieces } from './padded-groups.ts'
import { linearBy } from './products.ts'

/**
 * How far products with packed weights may round activations: `exact` keeps 14 bits or more of the
 * largest of a group (native 23), `int8` rounds them to 8 bits in groups, as ONNX Runtime does at accuracy level 4. With `float32`
 * weights are decoded tile by tile and nothing is rounded: slower by far, for comparing with other implementations.
 */
export type Activations = 'exact' | 'int8' | 'float32'

/** What a packed weight was, so that it can be given back byte for byte. */
interface PackedMeta {
  readonly of: 'affine' | 'codebook'
  readonly bits: number
  readonly group: number
  /** What groups are padded to in the stream; `group` where they are not. */
  readonly stride: number
  /** The type of the scales and offsets in the stream. */
  readonly numbers: 'float16' | 'float32'
  readonly shift: keyof typeof shiftKinds
  /** The dtype of the zeros; null without any, and where they are a part beside the stream. */
  readonly zero: DType | null
  /** The zero of all groups. */
  readonly constant: number
}

/**
 * The kind of weights in a device's own order: codes and the numbers of their groups in one stream.
 * It decodes by unpacking rows, so whatever has no product of its own still works.
 */
export function packedKind(primitives: Primitives, activations: Activations): Encoding {
  return Object.freeze({
    kind: 'packed',

    check(e: Encoded): void {
      const [n, k] = e.dims as [number, number]
      if (tensorPart(e, 'stream').byteLength !== streamBytes(n, k, metaOf(e), primitives))
        throw malformed(e, 'expected a stream of this device')
    },

    decode(e: Encoded, options: DecodeOptions = {}): Tensor {
      const { rows: _, ...rest } = options
      return decode(unpackRows(e, rowRange(e, options), primitives), rest)
    },

    linear(x: Tensor, e: Encoded, options: LinearOptions = {}): Tensor {
      if (activations === 'float32') return linearTiled(x, e, options)
      const meta = metaOf(e)
      const { group, stride } = meta
      const precision = activations === 'int8' ? 1 : 0
      const product = linearBy(x, e, options, (y, { m, n, k }, accumulate) => {
        const padded = stride === group ? x : padPieces(x, group, stride)
        const columns = streamColumns(k, meta)
        primitives.run(
          'linearPacked',
          [y],
          [padded, tensorPart(e, 'stream'), e.parts.levels as Tensor | undefined],
          [m, n, columns, ...layoutOf(meta), meta.constant, precision, accumulate],
        )
      })
      return product ?? linearTiled(x, e, options)
    },
  })
}

/**
 * Packs every affine and codebook matrix of a tree that the device has a layout for. Of the rest, encoded
 * integers are decoded once instead of at every call, and everything else stays as it is.
 */
export function packWeight(weight: Encoded, kind: Encoding, primitives: Primitives): Encoded {
  return deviceOf(weight, {}).scope(() => {
    const plain = plainIntegers(weight)
    const packed = packMatrix(plain, kind, primitives)
    return packed ?? mapParts(plain, part => (isEncoded(part) ? packWeight(part, kind, primitives) : part))
  })
}

/** The inverse of {@link packWeight}, byte for byte where no part was an encoding of integers. */
export function unpackWeight(weight: Encoded, kind: Encoding, primitives: Primitives): Encoded {
  if (weight.encoding !== kind) {
    return mapParts(weight, part => (isEncoded(part) ? unpackWeight(part, kind, primitives) : part))
  }
  const { device } = tensorPart(weight, 'stream')
  return device.scope(() => unpackRows(weight, [0, weight.dims[0]!], primitives))
}

function packMatrix(weight: Encoded, kind: Encoding, primitives: Primitives): Encoded | undefined {
  const { encoding, dims, parts } = weight
  const { bits, group, axis } = weight.meta as { bits: number; group: number; axis: number }
  const { codes, table } = parts
  const of = encoding === affineEncoding ? 'affine' : encoding === codebookEncoding ? 'codebook' : undefined
  if (of === undefined || dims.length !== 2 || axis !== 1 || !(codes instanceof Tensor)) return undefined
  if (table !== undefined && !(isScalarTable(table) && bits <= 4)) return undefined
  const [n, k] = dims as [number, number]
  return codes.device.scope(() => {
    const found = numbersOfGroups(weight, [n, Math.ceil(k / group)])
    if (found === undefined) return undefined
    const { scale, beside, kept, ...about } = found
    const strides = [group, paddedGroup(k, bits, group)].filter(stride => stride !== undefined)
    const metas = strides.map((stride): PackedMeta => ({ of, bits, group, stride, ...about }))
    const meta = metas.find(each => streamBytes(n, k, each, primitives) > 0)
    if (meta === undefined) return undefined
    const { stride } = meta
    const spread = stride === group ? codes : padPieces(codes, (group * bits) / 8, (stride * bits) / 8)
    const stream = codes.device.empty('uint8', [streamBytes(n, k, meta, primitives)])
    const scalars = [n, streamColumns(k, meta), ...layoutOf(meta)] as const
    primitives.run('pack', [stream], [spread, scale, beside], [...scalars])
    const levels = table && levelsOf(decode(table), bits)
    return encoded(kind, weight.type, dims, { stream, table, levels, ...kept }, { ...meta })
  })
}

/** A table (entries, 1): codes that stand for one number each. */
function isScalarTable({ dims }: Tensor | Encoded): boolean {
  return dims.length === 2 && dims[1] === 1
}

/** 2^bits float32 entries, zeros after those of the table. */
function levelsOf(table: Tensor, bits: number): Tensor {
  const levels = new Float32Array(2 ** bits)
  levels.set(numbersOf(table))
  return table.device.upload({ type: 'float32', dims: [levels.length], data: levels })
}

interface GroupNumbers extends Pick<PackedMeta, 'numbers' | 'shift' | 'zero' | 'constant'> {
  /** (rows, groups) of type `numbers` */
  readonly scale: Tensor
  /** (rows, groups) offsets, or zeros in uint8 */
  readonly beside: Tensor | undefined
  /** The parts that the stream holds in another type or shape: they stay beside it. */
  readonly kept: Readonly<Record<string, Tensor | Encoded | undefined>>
}

/** The numbers of the groups as a stream holds them; undefined where it cannot. */
function numbersOfGroups({ parts }: Encoded, dims: readonly number[]): GroupNumbers | undefined {
  const { scale, offset, zero } = parts
  if (scale === undefined || (zero !== undefined && offset !== undefined)) return undefined
  const floats = [scale, ...(offset === undefined ? [] : [offset])]
  if (floats.some(part => !sameDims(part.dims, dims))) return undefined
  const half = floats.every(part => part instanceof Tensor && part.type === 'float16')
  const numbers = half ? 'float16' : 'float32'
  const exact = (part: Tensor | Encoded) => part instanceof Tensor && part.type === numbers
  const stored = (part: Tensor | Encoded) => (exact(part) ? (part as Tensor) : cast(decode(part), numbers))
  const inexact = (part: Tensor | Encoded | undefined) => (part && exact(part) ? undefined : part)
  const kept = { scale: inexact(scale), offset: inexact(offset) }
  const common = { numbers, scale: stored(scale), kept, zero: null, constant: 0 } as const
  if (offset !== undefined) return { ...common, shift: 'offset', beside: stored(offset) }
  if (!(zero instanceof Tensor)) return { ...common, shift: 'none', beside: undefined }
  if (isFloat(zero.type)) return undefined
  const zeros = numbersOf(zero)
  const constant = zeros[0] ?? 0
  if (zeros.some(value => value < 0 || value > 255)) return undefined
  // One for all groups stays as it is.
  if (!sameDims(zero.dims, dims))
    return { ...common, shift: 'constantZero', constant, kept: { ...kept, zero }, beside: undefined }
  return zeros.every(value => value === constant)
    ? { ...common, shift: 'constantZero', zero: zero.type, constant, beside: undefined }
    : { ...common, shift: 'zero', zero: zero.type, beside: cast(zero, 'uint8') }
}

/** Some rows of a packed weight as the encoding that it was; all of them with exactly the parts that it had. */
function unpackRows(e: Encoded, [start, end]: readonly [number, number], primitives: Primitives): Encoded {
  const stream = tensorPart(e, 'stream')
  const { device } = stream
  const [n, k] = e.dims as [number, number]
  const meta = metaOf(e)
  const { bits, group, stride, shift, zero, constant } = meta
  const columns = streamColumns(k, meta)
  const groups = [end - start, Math.ceil(k / group)]
  const spread = device.empty('uint8', [end - start, packedRowBytes(columns, bits)])
  const scale = device.empty(meta.numbers, groups)
  const beside =
    shift === 'offset' || shift === 'zero'
      ? device.empty(shift === 'zero' ? 'uint8' : meta.numbers, groups)
      : undefined
  primitives.run('unpack', [spread, scale, beside], [stream], [n, columns, ...layoutOf(meta), start, end])
  const codes = stride === group ? spread : cutPieces(spread, (group * bits) / 8, (stride * bits) / 8)
  /** A part beside the stream, or some of its rows. */
  const kept = (name: string): Tensor | Encoded | undefined => {
    const part = e.parts[name]
    return part === undefined || end - start === n ? part : decode(part, { rows: [start, end] })
  }
  const parts: Record<string, Tensor | Encoded> = { codes, scale: kept('scale') ?? scale }
  if (shift === 'offset') parts.offset = kept('offset') ?? beside!
  if (e.parts.zero !== undefined) parts.zero = e.parts.zero
  if (zero !== null) parts.zero = cast(beside ?? filled(device.empty('uint8', groups), constant), zero)
  if (meta.of === 'codebook') parts.table = e.parts.table!
  const encoding = meta.of === 'codebook' ? codebookEncoding : affineEncoding
  return encoded(encoding, e.type, [end - start, k], parts, { bits, group, axis: 1 })
}

function filled(bytes: Tensor, value: number): Tensor {
  ;(bytes.data as Uint8Array).fill(value)
  return bytes
}

function metaOf(e: Encoded): PackedMeta {
  return e.meta as unknown as PackedMeta
}

/** Columns of the stream, those of padding among them. */
function streamColumns(k: number, { group, stride }: PackedMeta): number {
  return stride === group ? k : (k / group) * stride
}

/** 0 where the device has no such layout. */
function streamBytes(n: number, k: number, meta: PackedMeta, primitives: Primitives): number {
  return primitives.packedBytes(n, streamColumns(k, meta), ...layoutOf(meta))
}

function layoutOf({
  bits,
  stride,
  numbers,
  shift,
}: PackedMeta): [bits: number, group: number, scaleType: number, shiftKind: number] {
  return [bits, stride, floatCodes[numbers], shiftKinds[shift]]
}
