import { type Filled, type Option, type OptionTable, optionsOf, UnsupportedError } from '@tersor/core-tensor'
import { type AffineGridOptions, affineGrid, ScaleRangeError } from './affine.ts'
import type { Agreement } from './agreement.ts'
import type { Grid } from './grid.ts'
import { type GridName, gridNames } from './grid-names.ts'

/** What a solver rounds to: a line that these options describe, or any other grid. */
export interface GridOptions extends Omit<AffineGridOptions, 'scaleType'> {
  /** In the place of the line; recipes name it. */
  grid?: Grid | undefined
  /** What a scale (and a float zero) is stored as; `auto`, the default, is float16, and float32 where that cannot hold one of them. */
  scaleType?: 'auto' | 'float32' | 'float16' | 'bfloat16' | undefined
}

/** The same as data. */
export type GridOptionsOfRecipes<O extends GridOptions> = Omit<O, 'grid'> & {
  readonly grid?: GridName | undefined
}

const affineOnly = { when: ['grid', 'affine'] } as const

/** The options of {@link GridOptions}, for the tables of solvers. */
export const gridOptions = {
  grid: { is: 'choice', of: gridNames, default: 'affine', help: 'what weights are rounded to' },
  bits: { is: 'whole', min: 2, max: 8, default: 4, ...affineOnly, help: 'bits a code' },
  zero: {
    is: 'choice',
    of: ['float', 'integer', 'middle'],
    default: 'float',
    ...affineOnly,
    help: 'where ranges start: at the smallest weight, so that 0 is a code, or with 0 in the middle',
  },
  range: {
    is: 'choice',
    of: ['minMax', 'mse'],
    default: 'minMax',
    ...affineOnly,
    help: 'ranges cover every weight, or codes are decided where the squared error is least',
  },
  scaleType: {
    is: 'choice',
    of: ['auto', 'float16', 'bfloat16', 'float32'],
    default: 'auto',
    ...affineOnly,
    help: 'what scales are stored as; auto is float16 where that holds them, else float32',
  },
} as const satisfies OptionTable<GridOptions>

/**
 * The options of a solver, checked against its table and filled in.
 *
 * @throws {UnsupportedError} for a grid that is a name
 */
export function solverOptions<O extends GridOptions>(
  table: Readonly<Record<string, Option>> & OptionTable<O>,
  given: O,
  where: string,
): Omit<Filled<O>, 'grid'> & { readonly grid: Grid | undefined } {
  const { grid, ...rest } = given
  if (grid !== undefined && typeof grid !== 'object') {
    throw new UnsupportedError(
      `[${where}] expected a grid such as nf4Grid(), got ${JSON.stringify(grid)}; names are for recipes`,
    )
  }
  const choice = { ...table.grid, of: ['affine', 'other'] } as Option
  const options = optionsOf<O>({ ...table, grid: choice }, { ...rest, grid: grid && 'other' }, where)
  return { ...options, grid }
}

/**
 * Runs a solver on the grid that its options describe. With `scaleType: 'auto'` it runs again with float32 scales where 16 bits
 * cannot hold one of them.
 *
 * @param options.agreed  with other slices of a weight
 */
export function onGrid<T>(
  options: GridOptions & { readonly agreed?: Agreement | undefined },
  where: string,
  run: (grid: Grid) => T,
): T {
  const { grid, bits, zero, range, agreed } = options
  const wide = agreed?.scaleType === 'float32'
  const scaleType = wide ? 'float32' : options.scaleType
  if (grid !== undefined) return run(grid)
  if (scaleType !== undefined && scaleType !== 'auto')
    return run(affineGrid({ bits, zero, range, scaleType }, where, agreed))
  const again = (error: unknown): T => {
    if (!(error instanceof ScaleRangeError)) throw error
    return run(affineGrid({ bits, zero, range, scaleType: 'float32' }, where))
  }
  try {
    const result = run(affineGrid({ bits, zero, range, scaleType: 'float16' }, where, agreed))
    return result instanceof Promise ? (result.catch(again) as T) : result
  } catch (error) {
    return again(error)
  }
}
