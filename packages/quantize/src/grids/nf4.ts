import type { Agreement } from './agreement.ts'
import type { Grid } from './grid.ts'
import { type LevelsOptions, levels } from './levels.ts'

/**
 * The sixteen values of NormalFloat4: quantiles of a normal distribution scaled to [−1, 1], with an
 * exact zero. Numbers of appendix E of Dettmers et al. (2023, arXiv:2305.14314).
 */
export const NF4_VALUES: readonly number[] = /* @__PURE__ */ Object.freeze([
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])

/**
 * The grid of NormalFloat4, for solvers: GPTQ rounds to it too.
 *
 * @param agreed  with other slices of a weight
 * @example
 * nf4Grid().levels // => 16
 */
export function nf4Grid(
  { doubleQuantize }: Pick<LevelsOptions, 'doubleQuantize'> = {},
  agreed?: Agreement,
): Grid {
  return levels(NF4_VALUES, { name: 'nf4', doubleQuantize }, agreed)
}
