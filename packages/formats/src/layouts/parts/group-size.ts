/**
 * Columns that share a scale, from how many scales a row has: of the sizes that a configuration names, or the only one that
 * divides the columns.
 *
 * @returns undefined where neither fits
 */
export function groupSizeOf(columns: number, groups: number, named: readonly number[]): number | undefined {
  if (groups === 1) return columns
  const fitting = named.find(size => size > 0 && Math.ceil(columns / size) === groups)
  if (fitting !== undefined) return fitting
  return groups > 0 && columns % groups === 0 ? columns / groups : undefined
}
