import { float8Grid } from './float8.ts'
import type { Grid } from './grid.ts'
import type { GridName } from './grid-names.ts'
import { mxfp4Grid } from './mxfp4.ts'
import { nf4Grid } from './nf4.ts'

const named: Readonly<Record<Exclude<GridName, 'affine'>, () => Grid>> = {
  nf4: () => nf4Grid(),
  mxfp4: mxfp4Grid,
  float8: () => float8Grid(),
}

/** The grid of a name, or undefined for the line. */
export function gridNamed(name: GridName): Grid | undefined {
  return name === 'affine' ? undefined : named[name]()
}
