// Solvers: how weights are rounded
export { float8, float8Method, type Float8Options } from './solvers/float8.ts'
export { gptq, gptqMethod, type GptqOptions } from './solvers/gptq.ts'
export { mxfp4, mxfp4Method, type Mxfp4Options } from './solvers/mxfp4.ts'
export { nf4, nf4Method, type Nf4Options } from './solvers/nf4.ts'
export { quantEase, quantEaseMethod, type QuantEaseOptions } from './solvers/quant-ease.ts'
export { rtn, rtnMethod, type RtnOptions } from './solvers/rtn.ts'

// Transforms: in which coordinates they are rounded
export { rotate, rotateMethod, type RotateOptions } from './transforms/rotate.ts'

// All of them
export { quantizeMethods } from './methods.ts'

// Grids: what they are rounded to
export type { Grid, GroupLayout, RangeParts } from './grids/grid.ts'
export { type AffineGridOptions, affineGrid } from './grids/affine.ts'
export { type Float8Format, float8Grid } from './grids/float8.ts'
export { levels, type LevelsOptions } from './grids/levels.ts'
export { FLOAT4_VALUES, mxfp4Grid } from './grids/mxfp4.ts'
export { NF4_VALUES, nf4Grid } from './grids/nf4.ts'
export type { GroupSize } from './grids/fit-groups.ts'
export type { GridOptions } from './grids/grid-options.ts'
export type { GridName } from './grids/grid-names.ts'
