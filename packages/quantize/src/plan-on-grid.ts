import { sizeOf, type WeightPlan, type WeightShape } from '@tersor/core-tensor'
import { type GroupSize, groupLayout } from './grids/fit-groups.ts'
import type { Grid, GroupLayout } from './grids/grid.ts'
import type { GridName } from './grids/grid-names.ts'
import { type GridOptions, onGrid } from './grids/grid-options.ts'
import { gridNamed } from './grids/named-grids.ts'

const WHERE = 'quantize/plan'

interface Planned extends Omit<GridOptions, 'grid'> {
  readonly grid: GridName
  readonly groupSize: GroupSize
  readonly axis?: number
}

/** What a weight takes on a grid: that scales of `auto` may be float32 makes it an upper bound. */
export function planOnGrid(
  { dims }: WeightShape,
  { grid: name, groupSize, axis = -1, ...rest }: Planned,
  start?: WeightPlan,
): WeightPlan {
  const auto = name === 'affine' && (rest.scaleType ?? 'auto') === 'auto'
  const layout = groupLayout(dims, groupSize, axis, WHERE)
  const options = { ...rest, grid: gridNamed(name), ...(auto && { scaleType: 'float32' as const }) }
  const plan = onGrid(options, WHERE, grid => planned(grid, layout, start))
  return { ...plan, exact: plan.exact && !auto }
}

/** What a weight takes on a grid in groups along its last axis. */
export function planOfGrid(
  { dims }: WeightShape,
  grid: Grid,
  groupSize: GroupSize,
  start?: WeightPlan,
): WeightPlan {
  return planned(grid, groupLayout(dims, groupSize, -1, WHERE), start)
}

function planned(grid: Grid, layout: GroupLayout, { around = 0 }: Partial<WeightPlan> = {}): WeightPlan {
  const { bytes: own, exact } = grid.size(layout)
  const bytes = own + around
  // The weight as it lies and in float32, its codes and their packed form.
  return { bytes, exact, peak: 10 * sizeOf(layout.dims) + bytes, around }
}
