import { decode, type Encoded, isFloat, packedRowBytes, type Tensor } from '@tersor/core-tensor'
import { part, stridesOf } from '@tersor/core-tensor/host'
import type { Parameter } from './programs.ts'
import { cacheGroupReader, codeReader, groupReader } from './wgsl/codes.ts'
import { entry, listed } from './wgsl/lists.ts'

/** An encoded weight as kernels read it: element by element, in whatever order. */
export interface StoredWeight {
  /** Whatever changes the code. */
  readonly key: string
  readonly inputs: Readonly<Record<string, Tensor | undefined>>
  readonly params: Readonly<Record<string, Parameter>>
  /** Codes of a word that begin on one, and lie in one group; 1 where there is no such thing. */
  readonly unit: number
  /** `weight(row, column) -> f32`, and `weight_unit(row, word) -> array<f32, unit>` where `unit` is more than 1. */
  globals(): string
}

/** A part as a tensor, decoded where it is an encoding. */
export function plainPart(e: Encoded, name: string): Tensor {
  return decode(part(e, name))
}

/** What kernels read of affine, codebook and sparse weights, packed or not. */
export function storedWeight(e: Encoded): StoredWeight {
  return 'codes' in e.parts ? groupedWeight(e, rowReaders) : sparseWeight(e)
}

/** How the readers of a weight are called, and with what. */
interface Readers {
  /** Before all names, for kernels that read several. */
  readonly prefix: string
  /** The arguments that choose a row, and the row. */
  readonly place: readonly string[]
  readonly row: string
  groups(axes: number, axis: number): string
}

const rowReaders: Readers = { prefix: '', place: ['row'], row: 'row', groups: groupReader }

/** Keys or values (kvHeads, tokens, headDim) in codes, read by `${prefix}weight(head, token, column)`. */
export function groupedCache(e: Encoded, prefix: string): StoredWeight {
  return groupedWeight(e, {
    prefix,
    place: ['head', 'token'],
    row: `(head * ${entry(`${prefix}weight_dims`, 1)} + token)`,
    groups: (_, axis) => cacheGroupReader(axis, prefix),
  })
}

/** Affine and codebook weights. */
function groupedWeight(e: Encoded, { prefix, place, row, groups }: Readers): StoredWeight {
  const codes = plainPart(e, 'codes')
  const { bits, group, axis } = e.meta as { bits: number; group: number; axis: number }
  const [scale, zero, offset] = ['scale', 'zero', 'offset'].map(name => {
    const part = e.parts[name]
    return part && decode(part)
  })
  const numberDims = (scale ?? zero ?? offset)?.dims ?? e.dims.map(() => 1)
  const table = e.parts.table && decode(e.parts.table)
  const [d = 1, entries = 0, books = 1] = [...(table?.dims ?? [])].reverse()
  const stride = codes.dims.at(-1)!
  const unit = unitOf(e, codes, numberDims, d > 1)
  const parameters = place.map(name => `${name}: u32`).join(', ')
  // Codes of one word at once, where rows begin on words and words lie in one group each.
  const unitReader = () => /* wgsl */ `
fn ${prefix}weight_unit(${parameters}, word: u32) -> array<f32, ${unit}> {
  let held = ${prefix}codes_data[(p.${prefix}codes_at + ${row} * p.${prefix}code_stride) / 4u + word];
  let column = word * ${unit}u;
  let g = ${prefix}group_of(${place}, column);
  return array<f32, ${unit}>(${Array.from(
    { length: unit },
    (_, i) => `${prefix}number_of((held >> ${i * bits}u) & ${2 ** bits - 1}u, g, column + ${i}u)`,
  ).join(', ')});
}
`
  // One number for all groups stands at 0, beside scales for each.
  const placeOf = (number: Tensor | undefined) => (number?.size === 1 ? '0u' : 'g')
  const shift = `${zero ? `zero${placeOf(zero)}` : ''}${offset ? `offset${placeOf(offset)}` : ''}${scale ? 'scale' : ''}`
  const tableParams = table === undefined ? {} : { entries, books }
  return {
    key: `codes,${bits},${axis},${e.dims.length},${shift},${zero?.type ?? ''},${unit},${table ? `${d}` : ''}`,
    inputs: prefixed(prefix, { codes, scale, zero, offset, table }),
    params: prefixed(prefix, {
      weight_dims: listed(e.dims, e.encoding.kind),
      group_strides: stridesOf(numberDims),
      group,
      code_stride: stride,
      ...tableParams,
    }),
    unit,
    globals: () => {
      const numbers = {
        zero: zero ? difference(`${prefix}zero(${placeOf(zero)})`, isFloat(zero.type)) : 'f32(held)',
        offset: offset ? `rounded(scaled) + f32(${prefix}offset(${placeOf(offset)}))` : 'scaled',
      }
      const value =
        table === undefined
          ? `let scaled = ${numbers.zero} * f32(${prefix}scale(g));
  return ${numbers.offset};`
          : `return f32(${prefix}table((((column / ${d}u) % p.${prefix}books) * p.${prefix}entries + min(held, p.${prefix}entries - 1u)) * ${d}u + column % ${d}u))${scale ? ` * f32(${prefix}scale(g))` : ''};`
      return /* wgsl */ `
${codeReader(bits, prefix)}${groups(e.dims.length, axis)}
fn ${prefix}number_of(held: u32, g: u32, column: u32) -> f32 {
  ${value}
}
fn ${prefix}weight(${parameters}, column: u32) -> f32 {
  return ${prefix}number_of(${prefix}code(${row}, column / ${d}u), ${prefix}group_of(${place}, column), column);
}
${unit > 1 ? unitReader() : ''}`
    },
  }
}

/** Integers are subtracted as such: sums of small floats would be exact too, but not on every driver. */
function difference(zero: string, float: boolean): string {
  return float ? `f32(held) - f32(${zero})` : `f32(i32(held) - i32(${zero}))`
}

function prefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))
}

function unitOf(
  { meta, dims }: Encoded,
  codes: Tensor,
  numberDims: readonly number[],
  vectors: boolean,
): number {
  const { bits, group, axis } = meta as { bits: number; group: number; axis: number }
  const aligned = codes.byteOffset % 4 === 0 && codes.dims.at(-1)! % 4 === 0
  const unit = 32 / bits
  const last = dims.length - 1
  const whole = numberDims[last] === 1 || (axis === last && group % unit === 0)
  return aligned && whole && !vectors && (bits === 2 || bits === 4 || bits === 8) ? unit : 1
}

function sparseWeight(e: Encoded): StoredWeight {
  const values = plainPart(e, 'values')
  const index = plainPart(e, 'index')
  if (e.meta.pattern === 'rows') {
    return {
      key: 'rows',
      inputs: { values, index, starts: plainPart(e, 'starts') },
      params: {},
      unit: 1,
      // Columns rise within a row.
      globals: () => /* wgsl */ `
fn weight(row: u32, column: u32) -> f32 {
  var low = starts(row);
  var high = starts(row + 1u);
  while (low < high) {
    let middle = (low + high) / 2;
    if (u32(index(u32(middle))) < column) { low = middle + 1; } else { high = middle; }
  }
  if (low < starts(row + 1u) && u32(index(u32(low))) == column) { return f32(values(u32(low))); }
  return 0.0;
}
`,
    }
  }
  if (e.meta.pattern === 'mask') {
    return {
      key: 'mask',
      inputs: { values, index, starts: plainPart(e, 'starts') },
      params: { row_bytes: packedRowBytes(e.dims[1]!, 1) },
      unit: 1,
      // As many values come before as bits are set in the row.
      globals: () => /* wgsl */ `
fn weight(row: u32, column: u32) -> f32 {
  let first = row * p.row_bytes;
  let byte = u32(index(first + column / 8u));
  let bit = 1u << (column % 8u);
  if ((byte & bit) == 0u) { return 0.0; }
  var at = u32(starts(row)) + countOneBits(byte & (bit - 1u));
  for (var i = first; i < first + column / 8u; i++) { at += countOneBits(u32(index(i))); }
  return f32(values(at));
}
`,
    }
  }
  const { n, m } = e.meta as { n: number; m: number }
  const bits = Math.max(1, Math.ceil(Math.log2(m)))
  const perRow = (e.dims[1]! / m) * n
  return {
    key: `nOfM,${n},${m}`,
    inputs: { values, codes: index },
    params: { code_stride: packedRowBytes(perRow, bits), per_row: perRow },
    unit: 1,
    globals: () => /* wgsl */ `
${codeReader(bits)}
fn weight(row: u32, column: u32) -> f32 {
  for (var i = 0u; i < ${n}u; i++) {
    let at = (column / ${m}u) * ${n}u + i;
    if (code(row, at) == column % ${m}u) { return f32(values(row * p.per_row + at)); }
  }
  return 0.0;
}
`,
  }
}
