import { FormatError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { isWhole, productOf, requireDims, sameDims } from '../tensor/dims.ts'
import { type DType, isFloat } from '../tensor/dtype.ts'
import { Tensor } from '../tensor/tensor.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import { type DecodeOptions, type Encoded, encoded, isEncoded, type Json, requireWeight } from './encoded.ts'

/** The message of a malformed encoding. */
export function malformed(e: Encoded, problem: string): FormatError {
  return new FormatError(`[check ${e.encoding.kind}] ${problem}, got dims [${e.dims}] with ${describe(e)}`)
}

function describe(e: Encoded): string {
  const parts = Object.entries(e.parts).map(
    ([name, part]) => `${name} ${isEncoded(part) ? part.encoding?.kind : part.type} [${part.dims}]`,
  )
  return `${parts.join(', ') || 'no parts'}`
}

/** A part that must be a plain tensor. */
export function tensorPart(e: Encoded, name: string): Tensor {
  const part = e.parts[name]
  if (!(part instanceof Tensor)) throw malformed(e, `expected a tensor '${name}'`)
  return part
}

/** A part that may be a tensor or an encoding. */
export function part(e: Encoded, name: string): Tensor | Encoded {
  const found = e.parts[name]
  if (found === undefined) throw malformed(e, `expected a part '${name}'`)
  return found
}

/** A part of given dims, and of a dtype where one is asked for; an encoding is what it decodes to. */
export function shapedPart(
  e: Encoded,
  name: string,
  dims: readonly number[],
  type?: DType,
): Tensor | Encoded {
  const shaped = part(e, name)
  if (!sameDims(shaped.dims, dims) || (type !== undefined && type !== shaped.type)) {
    throw malformed(e, `expected ${name} ${type ?? 'of'} [${dims}]`)
  }
  return shaped
}

/** Whether the values of a part can be looked at: remote devices show none. */
export function isVisible(part: Tensor | Encoded): boolean {
  return tensorsOf(part).every(({ device }) => device.host)
}

/** The part `base`, whose shape is that of the whole. */
export function basePart(e: Encoded): Tensor | Encoded {
  const base = part(e, 'base')
  if (!sameDims(base.dims, e.dims)) throw malformed(e, 'expected a base of the shape of the whole')
  return base
}

/** The numbered parts of a node: 0, 1, 2 … */
export function terms(e: Encoded): (Tensor | Encoded)[] {
  return Object.keys(e.parts).map((_, i) => part(e, String(i)))
}

/** Terms as numbered parts. */
export function numbered(
  where: string,
  items: readonly (Tensor | Encoded)[],
): Record<string, Tensor | Encoded> {
  for (const item of items) requireWeight(item, where)
  return Object.fromEntries(items.map((item, i) => [String(i), item]))
}

/** A whole number of `meta` in a range. */
export function metaInteger(e: Encoded, name: string, low: number, high: number): number {
  const value: Json | undefined = e.meta[name]
  if (!isWhole(value, high) || value < low) {
    throw malformed(e, `expected meta.${name} to be a whole number from ${low} to ${high}`)
  }
  return value
}

/** Throws unless the whole and some of its parts are floats, which `+` and `×` compute with. */
export function requireFloats(e: Encoded, parts: readonly (Tensor | Encoded)[]): void {
  if (!isFloat(e.type)) throw malformed(e, `expected to decode to a float type, not ${e.type}`)
  if (parts.some(part => !isFloat(part.type))) throw malformed(e, 'expected floats; wrap integers in `dense`')
}

/** The rows that a decode was asked for, checked. */
export function rowRange(e: Encoded, { rows }: DecodeOptions): readonly [number, number] {
  const count = e.dims[0] ?? 1
  const [start, end] = rows ?? [0, count]
  if (!isWhole(end, count) || !isWhole(start, end)) {
    throw new ShapeError(
      `[decode ${e.encoding.kind}] expected rows within 0 to ${count}, got ${start} to ${end}`,
    )
  }
  return [start, end]
}

/**
 * Entries `start` to `end` of the first axis, in the rows that codes are packed in: `count` rows from
 * `row` on, and `width` columns of each after the first `skip`, which only vectors have.
 */
export function matrixRows(
  dims: readonly number[],
  start: number,
  end: number,
): { row: number; count: number; skip: number; width: number } {
  if (dims.length === 1) return { row: 0, count: 1, skip: start, width: end - start }
  const perEntry = productOf(dims.slice(1, -1))
  return { row: start * perEntry, count: (end - start) * perEntry, skip: 0, width: dims.at(-1)! }
}

/** The same encoding of `count` rows, some of its parts changed to fit. */
export function withRowCount(
  e: Encoded,
  count: number,
  parts: Readonly<Record<string, Tensor | Encoded | undefined>>,
): Encoded {
  return encoded(e.encoding, e.type, [count, ...e.dims.slice(1)], { ...e.parts, ...parts }, e.meta)
}

/** Hands decoded float32 elements over as a tensor of the encoding's dtype, into `out` if given. */
export function decoded(e: Encoded, values: Tensor, { out }: DecodeOptions): Tensor {
  if (out !== undefined) requireDims(`decode ${e.encoding.kind}`, 'an out', out, values.dims)
  const typed = values.type === e.type ? values : cast(values, e.type)
  return out === undefined ? typed : cast(typed, out.type, { out })
}
