import { modelRecipe, type Recipe, type Step } from '@tersor/compress'
import { methods } from '../method-lists.ts'
import { delicateSteps } from '../recipes/delicate-steps.ts'

/** Bits of tables of tokens and of routers. */
const DELICATE_BITS = 8

/** Round-to-nearest; with few bits the range of the least squared error pays for its search. */
const rounded = (bits: number): Step[] => [{ method: 'rtn', bits, ...(bits < 5 && { range: 'mse' }) }]

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
  return recipesOf(names, {
    float8: [{ method: 'float8' }],
    'rtn 8 bits': rounded(8),
    'rtn 5 bits': rounded(5),
    nf4: [{ method: 'nf4' }],
    'rtn 4 bits': rounded(4),
    'gptq 4 bits': calibrated(4),
    'rtn 3 bits': rounded(3),
    'gptq 3 bits': calibrated(3),
    'rtn 2 bits': rounded(2),
    'gptq 2 bits': calibrated(2),
  })
}

/** For models on which searching ranges and calibrating takes too long: rounding alone. */
export function quickRecipes(names: readonly string[]): readonly Recipe[] {
  return recipesOf(names, {
    float8: [{ method: 'float8' }],
    'rtn 8 bits': [{ method: 'rtn', bits: 8 }],
    'rtn 5 bits': [{ method: 'rtn', bits: 5 }],
    nf4: [{ method: 'nf4' }],
    'rtn 4 bits': [{ method: 'rtn', bits: 4 }],
    'rtn 3 bits': [{ method: 'rtn', bits: 3 }],
  })
}

function recipesOf(names: readonly string[], lists: Record<string, Step[]>): readonly Recipe[] {
  return Object.entries(lists).map(([name, use]) =>
    modelRecipe(use, names, { name, delicate: delicateSteps(use, DELICATE_BITS, methods) }),
  )
}
