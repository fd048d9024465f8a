import { modelRecipe, type Recipe, type Step, stepsLabel } from '@tersor/compress'
import { methods } from '../method-lists.ts'
import { delicateSteps } from '../recipes/delicate-steps.ts'

/** Bits of tables of tokens and of routers. */
const DELICATE_BITS = 8

/** Round-to-nearest; with few bits the range of the least squared error pays for its search. */
const rounded = (bits: number): Step[] => [{ method: 'rtn', bits, range: bits < 5 ? 'mse' : 'minMax' }]

/** The same format, calibrated and then improved. */
const calibrated = (bits: number): Step[] => [
  { method: 'gptq', bits, range: 'mse', actOrder: true },
  { method: 'quant-ease' },
]

/**
 * The recipes of the demonstration: from float8 down to 2 bits, round-to-nearest and GPTQ at equal size.
 *
 * @param names  the model's weights
 */
export function demoRecipes(names: readonly string[]): readonly Recipe[] {
  const lists: Step[][] = [
    [{ method: 'float8' }],
    rounded(8),
    rounded(5),
    [{ method: 'nf4' }],
    rounded(4),
    calibrated(4),
    rounded(3),
    calibrated(3),
    rounded(2),
    calibrated(2),
  ]
  return lists.map(use =>
    modelRecipe(use, names, {
      name: stepsLabel(use, methods),
      delicate: delicateSteps(use, DELICATE_BITS, methods),
    }),
  )
}
