import { type Method, modelRecipe, type Recipe } from './plain-recipe.ts'

/** What `tersor quantize --method gptq` runs unless flags say otherwise. */
export const GPTQ_DEFAULTS = {
  method: 'gptq',
  zero: 'float',
  actOrder: true,
  sweeps: 4,
} as const

/** Round-to-nearest; with few bits the range of the least squared error pays for its search. */
const rtn = (bits: number): Method => ({
  method: 'rtn',
  bits,
  groupSize: 32,
  range: bits < 5 ? 'mse' : 'minMax',
  zero: 'float',
})

/** The same format, calibrated. */
const gptq = (bits: number): Method => ({ ...GPTQ_DEFAULTS, bits, groupSize: 32 })

/**
 * The recipes of the main job: from float8 down to 2 bits, round-to-nearest and GPTQ at equal size.
 *
 * @param names  the model's weights
 */
export function demoRecipes(names: readonly string[]): readonly Recipe[] {
  const methods = [
    { method: 'float8' },
    rtn(8),
    rtn(5),
    { method: 'nf4' },
    rtn(4),
    gptq(4),
    rtn(3),
    gptq(3),
    rtn(2),
    gptq(2),
  ] as const
  return methods.map(method => modelRecipe(method, names))
}
