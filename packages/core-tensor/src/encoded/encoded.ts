import type { Device } from '../device/device.ts'
import type { Order, Out } from '../device/kernels.ts'
import { DTypeError, FormatError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { matmul } from '../reference/matmul.ts'
import { isWhole, productOf } from '../tensor/dims.ts'
import { type DType, dtypeBits, isFloat } from '../tensor/dtype.ts'
import { isTensor } from '../tensor/is-tensor.ts'
import { reference, type Tensor } from '../tensor/tensor.ts'
import { described } from '../tensor/tensor-like.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import { linearTiled } from './linear-tiled.ts'
import type { RowSelection, SelectRows } from './row-selection.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface DecodeOptions {
  /** Only these entries of the first axis. */
  rows?: readonly [start: number, end: number] | undefined
  out?: Tensor | undefined
  /** Where encodings that hold no tensors decode to, such as `hadamard`; the reference without. */
  device?: Device | undefined
}

export interface LinearOptions extends Out, Order {
  /** false: x·wᵀ with w (out, in), as weights are stored; true: x·w. */
  transpose?: boolean | undefined
}

/** A kind of encoding: a frozen object, passed by reference, never registered. */
export interface Encoding {
  readonly kind: string
  /**
   * Throws a {@link FormatError} unless dims, parts and meta fit each other and every index is in
   * range, so that decoding afterwards cannot read past a buffer. Called before the whole is allocated;
   * parts are checked already, and where they are encodings their values are decoded for it by tiles.
   */
  check(e: Encoded): void
  /** Call it through {@link decode}, which frees what it needs on the way; likewise `linear`. */
  decode(e: Encoded, options?: DecodeOptions): Tensor
  /** Multiplies without decoding the whole; without it, `linear` decodes tile by tile. */
  linear?(x: Tensor, e: Encoded, options?: LinearOptions): Tensor
  /**
   * The same with some of its rows, made of rows of its parts; undefined where these rows have no such
   * form. Call it through `selectRows`, which has checked the rows and decodes them otherwise.
   *
   * @param select  gives rows of a part
   */
  selectRows?(e: Encoded, rows: RowSelection, select: SelectRows): Tensor | Encoded | undefined
  /**
   * The parts that grow with the rows of the whole, those of more rows one behind the other; the others are the same however many
   * rows there are. Without it, weights of this kind cannot be stacked part by part.
   */
  rowParts?(e: Encoded): readonly string[]
}

/**
 * A tensor in compressed form: plain data and the {@link Encoding} that can read it. Parts may be
 * encodings themselves: scales of scales, terms of a sum, codes that an entropy coder made shorter.
 */
export interface Encoded {
  readonly encoding: Encoding
  /** What it decodes to. */
  readonly type: DType
  readonly dims: readonly number[]
  readonly parts: Readonly<Record<string, Tensor | Encoded>>
  readonly meta: { readonly [key: string]: Json }
}

/** How deep encodings may nest; files with deeper trees are refused. */
export const MAX_DEPTH = 16

/** The product of the other dimensions of a tensor with a dimension of 0: no bytes bound it, yet loops run over it. */
const MAX_EMPTY_SIZE = 2 ** 24

/** Makes an encoded tensor after checking it; parts that are undefined are left out. */
export function encoded(
  encoding: Encoding,
  type: DType,
  dims: readonly number[],
  parts: Readonly<Record<string, Tensor | Encoded | undefined>>,
  meta: { readonly [key: string]: Json },
): Encoded {
  const e = Object.freeze({
    encoding,
    type,
    dims: Object.freeze([...dims]),
    parts: Object.freeze(present(parts)),
    meta: Object.freeze({ ...meta }),
  })
  check(e)
  return e
}

function present(
  parts: Readonly<Record<string, Tensor | Encoded | undefined>>,
): Record<string, Tensor | Encoded> {
  const given: Record<string, Tensor | Encoded> = {}
  for (const [name, part] of Object.entries(parts)) if (part !== undefined) given[name] = part
  return given
}

/**
 * Checks a whole tree, parts before wholes.
 *
 * @throws {FormatError} when anything in it contradicts the rest
 */
export function check(e: Encoded, depth = 0): void {
  if (depth > MAX_DEPTH) throw new FormatError(`[check] encodings nest deeper than ${MAX_DEPTH}`)
  checkWhole(e)
  for (const part of Object.values(e.parts)) {
    requireWeight(part, `check ${e.encoding.kind}`)
    if (isEncoded(part)) check(part, depth + 1)
  }
  e.encoding.check(e)
}

/** What holds for every kind: a dtype, and dims whose loops end although no byte backs them. */
function checkWhole(e: Encoded): void {
  const where = `check ${e.encoding.kind}`
  if (!Object.hasOwn(dtypeBits, e.type))
    throw new FormatError(`[${where}] expected to decode to a dtype, got ${e.type}`)
  const full = productOf(e.dims.map(dim => dim || 1))
  if (
    !e.dims.every(dim => isWhole(dim)) ||
    full > (e.dims.includes(0) ? MAX_EMPTY_SIZE : Number.MAX_SAFE_INTEGER)
  ) {
    throw new FormatError(`[${where}] expected dimensions of a tensor, got [${e.dims}]`)
  }
}

export function isEncoded(w: Tensor | Encoded): w is Encoded {
  return !isTensor(w)
}

/** Throws a {@link DTypeError} unless something is a tensor or an encoding, as plain JavaScript cannot promise. */
export function requireWeight(w: unknown, where: string): asserts w is Tensor | Encoded {
  if (!isTensor(w) && (Object(w) as Partial<Encoded>).encoding === undefined) {
    throw new DTypeError(`[${where}] expected a tensor or an encoding, got ${described(w)}`)
  }
}

/** Throws a {@link DTypeError} unless something is an encoding. */
export function requireEncoded(w: unknown, where: string): asserts w is Encoded {
  requireWeight(w, where)
  if (!isEncoded(w)) {
    throw new DTypeError(`[${where}] expected an encoding, got ${described(w)}; wrap it in \`dense\``)
  }
}

/**
 * The tensor that an encoding stands for, or some of its rows.
 *
 * @returns a tensor of `e.type`; (end − start, …) with `rows`
 * @example
 * const half = dense(cast(new Tensor('float32', [1, 0.1], [2]), 'float16'))
 * decode(half, { rows: [1, 2] }).data // => Float32Array [0.099975586]
 */
export function decode(e: Tensor | Encoded, options: DecodeOptions = {}): Tensor {
  requireWeight(e, 'decode')
  if (isEncoded(e)) return deviceOf(e, options).scope(() => e.encoding.decode(e, options))
  const [start, end] = options.rows ?? [0, e.dims[0] ?? 0]
  const rows = options.rows === undefined ? e : e.rows(start, end)
  return options.out === undefined ? rows : cast(rows, options.out.type, { out: options.out })
}

/**
 * The product with a weight, compressed or not: x·wᵀ with w (out, in), or x·w with `transpose`.
 *
 * @param x  (…, in)
 * @param w  (out, in); a plain tensor or any encoding
 * @returns (…, out) float32
 * @throws {ShapeError} when the inner dimensions differ
 * @throws {DTypeError} for an encoding of integers, such as entropy-coded codes, and for what is no tensor
 * @example
 * const x = new Tensor('float32', [1, 2], [1, 2])
 * const w = new Tensor('float32', [1, 0, 0, 1, 1, 1], [3, 2])
 * linear(x, w).data // => Float32Array [1, 2, 3]
 * linear(x, dense(cast(w, 'float16'))).data // => Float32Array [1, 2, 3]
 */
export function linear(x: Tensor, w: Tensor | Encoded, options: LinearOptions = {}): Tensor {
  if (!isTensor(x)) {
    throw new DTypeError(
      `[linear] expected a tensor x, got ${described(x)}; of an encoding take \`decode(x)\``,
    )
  }
  requireWeight(w, 'linear')
  const inner = options.transpose ? w.dims[0] : w.dims[1]
  if (w.dims.length !== 2 || x.dims.length === 0 || x.dims[x.dims.length - 1] !== inner) {
    throw new ShapeError(
      `[linear] expected x (…, in) and w (${options.transpose ? 'in, out' : 'out, in'}), got [${x.dims}] and [${w.dims}]`,
    )
  }
  if (isEncoded(w) && !isFloat(w.type)) {
    throw new DTypeError(
      `[linear] expected a weight that decodes to floats, got ${w.encoding.kind} of ${w.type}; wrap it in \`dense\``,
    )
  }
  if (isEncoded(w)) return x.device.scope(() => (w.encoding.linear ?? linearTiled)(x, w, options))
  const { transpose = false, ...rest } = options
  return matmul(x, w, { ...rest, transposeB: !transpose })
}

/** The device that the tensors of an encoding are on; where it has none, the one that was asked for. */
export function deviceOf(e: Encoded, { out, device }: DecodeOptions): Device {
  for (const tensor of tensorsOf(e.parts)) return tensor.device
  return out?.device ?? device ?? reference
}

/**
 * Bytes of all parts plus the UTF-8 length of the canonical JSON of `meta`, recursively; of a tensor, its
 * bytes. A `Tensor` that is a part more than once counts once, as files store it.
 */
export function byteLength(e: Tensor | Encoded): number {
  requireWeight(e, 'byteLength')
  const tensors = new Set<Tensor>()
  let total = 0
  const collect = (part: Tensor | Encoded): void => {
    if (!isEncoded(part)) tensors.add(part)
    else {
      total += new TextEncoder().encode(canonicalJson(part.meta)).length
      Object.values(part.parts).forEach(collect)
    }
  }
  collect(e)
  for (const tensor of tensors) total += tensor.byteLength
  return total
}

/**
 * JSON with sorted keys and no spaces: the same bytes for the same value.
 *
 * @example
 * canonicalJson({ group: 32, bits: 4 }) // => '{"bits":4,"group":32}'
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
