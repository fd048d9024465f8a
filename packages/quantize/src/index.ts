// Methods: solvers say how weights are rounded, transforms in which coordinates
export * from './methods.ts'

// Grids: what weights are rounded to
export type { Grid, GroupLayout, RangeParts } from './grids/grid.ts'
export { type AffineGridOptions, affineGrid } from './grids/affine.ts'
export { type Float8Format, float8Grid } from './grids/float8.ts'
export { levels, type LevelsOptions } from './grids/levels.ts'
export { FLOAT4_VALUES, mxfp4Grid } from './grids/mxfp4.ts'
export { NF4_VALUES, nf4Grid } from './grids/nf4.ts'
export type { GroupSize } from './grids/fit-groups.ts'
export type { GridOptions } from './grids/grid-options.ts'
export type { GridName } from './grids/grid-names.ts'
