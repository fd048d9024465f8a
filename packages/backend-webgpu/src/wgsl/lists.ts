import { UnsupportedError } from '@tersor/core-tensor'

/** The axes that a list of parameters has room for. */
const MOST_AXES = 8

/** Dimensions or strides as a parameter. */
export function listed(values: readonly number[], where: string): readonly number[] {
  if (values.length > MOST_AXES) {
    throw new UnsupportedError(
      `[${where}] webgpu has tensors of at most ${MOST_AXES} axes, got ${values.length}; reshape it to fewer`,
    )
  }
  return values
}

/** Entry `i` of a list parameter. */
export function entry(name: string, i: number): string {
  return `p.${name}[${i >> 2}][${i & 3}]`
}

/**
 * Statements that turn `rest`, the place of an element in a shape of `rank` axes, into `target`: the
 * sum of coordinates times strides.
 *
 * @param sums  for each variable the list parameter with its strides
 */
export function unravel(rank: number, dims: string, sums: Readonly<Record<string, string>>): string {
  const lines = Object.keys(sums).map(name => `var ${name} = 0u;`)
  for (let axis = rank - 1; axis >= 0; axis--) {
    lines.push(`{ let c = rest % ${entry(dims, axis)}; rest /= ${entry(dims, axis)};`)
    for (const [name, strides] of Object.entries(sums)) lines.push(`${name} += c * ${entry(strides, axis)};`)
    lines.push('}')
  }
  return lines.join('\n  ')
}
