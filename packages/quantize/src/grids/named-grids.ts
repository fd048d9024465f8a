import type { Agreement } from './agreement.ts'
import { float8Grid } from './float8.ts'
import type { Grid } from './grid.ts'
import type { GridName } from './grid-names.ts'
import { mxfp4Grid } from './mxfp4.ts'
import { nf4Grid } from './nf4.ts'

const named: Readonly<Record<Exclude<GridName, 'affine'>, (agreed?: Agreement) => Grid>> = {
  nf4: agreed => nf4Grid({}, agreed),
  mxfp4: mxfp4Grid,
  float8: () => float8Grid(),
}

/**
 * The grid of a name, or undefined for the line.
 *
 * @param agreed  with other slices of a weight
 */
export function gridNamed(name: GridName, agreed?: Agreement): Grid | undefined {
  return name === 'affine' ? undefined : named[name](agreed)
}
