import { entry } from './lists.ts'

/** `code(row, column)`: codes of `bits` bits in rows of `p.code_stride` bytes of the tensor `codes`; `prefix`
 * before all names. */
export function codeReader(bits: number, prefix = ''): string {
  return /* wgsl */ `
fn ${prefix}code(row: u32, column: u32) -> u32 {
  let bit = column * ${bits}u;
  let byte = p.${prefix}codes_at + row * p.${prefix}code_stride + bit / 8u;
  let shift = (byte % 4u) * 8u + bit % 8u;
  var found = ${prefix}codes_data[byte / 4u] >> shift;
  ${32 % bits === 0 ? '' : `if (shift + ${bits}u > 32u) { found |= ${prefix}codes_data[byte / 4u + 1u] << (32u - shift); }`}
  return found & ${2 ** bits - 1}u;
}
`
}

/**
 * `group_of(row, column)`: where the number of the group of an element lies, in a shape of `rank` axes
 * with its leading ones folded into rows.
 */
export function groupReader(rank: number, axis: number, prefix = ''): string {
  const coordinate = coordinatesOf(axis, prefix)
  const lines: string[] = []
  for (let i = rank - 2; i >= 0; i--) {
    if (i === 0) lines.push(`found += ${coordinate(0, 'rest')};`)
    else
      lines.push(
        `found += ${coordinate(i, `rest % ${entry(`${prefix}weight_dims`, i)}`)}; rest /= ${entry(`${prefix}weight_dims`, i)};`,
      )
  }
  return /* wgsl */ `
fn ${prefix}group_of(row: u32, column: u32) -> u32 {
  var rest = row;
  var found = ${coordinate(rank - 1, 'column')};
  ${lines.join('\n  ')}
  return found;
}
`
}

/** `group_of(head, token, column)`, in a shape of three axes: without divisions by what is only known later. */
export function cacheGroupReader(axis: number, prefix: string): string {
  const coordinate = coordinatesOf(axis, prefix)
  return /* wgsl */ `
fn ${prefix}group_of(head: u32, token: u32, column: u32) -> u32 {
  return ${coordinate(0, 'head')} + ${coordinate(1, 'token')} + ${coordinate(2, 'column')};
}
`
}

/** What a coordinate adds to the number of its group. */
function coordinatesOf(axis: number, prefix: string): (i: number, value: string) => string {
  return (i, value) =>
    `(${i === axis ? `(${value}) / p.${prefix}group` : value}) * ${entry(`${prefix}group_strides`, i)}`
}
