import { float8Grid } from './float8.ts'
import type { Grid } from './grid.ts'
import { mxfp4Grid } from './mxfp4.ts'
import { nf4Grid } from './nf4.ts'

const named = { nf4: () => nf4Grid(), mxfp4: mxfp4Grid, float8: () => float8Grid() } as const

/** Grids that recipes name; `affine` is the line that the options beside it describe. */
export type GridName = 'affine' | keyof typeof named

export const gridNames: readonly GridName[] = /* @__PURE__ */ Object.freeze([
  'affine',
  .../* @__PURE__ */ (Object.keys(named) as (keyof typeof named)[]),
])

/** The grid of a name, or undefined for the line. */
export function gridNamed(name: GridName): Grid | undefined {
  return name === 'affine' ? undefined : named[name]()
}
