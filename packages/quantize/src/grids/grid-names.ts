/** Grids that recipes name; `affine` is the line that the options beside it describe. */
export const gridNames = ['affine', 'nf4', 'mxfp4', 'float8'] as const

export type GridName = (typeof gridNames)[number]
