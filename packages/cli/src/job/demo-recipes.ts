import { type Method, type Recipe, recipeOf } from './recipe.ts'

/** The recipes of the main job: from float8 down to 2 bits, round-to-nearest and GPTQ at equal size. */
export const demoRecipes: readonly Recipe[] = (
  [
    { method: 'float8' },
    { method: 'rtn', bits: 8 },
    { method: 'rtn', bits: 5 },
    { method: 'nf4' },
    { method: 'rtn', bits: 4 },
    { method: 'gptq', bits: 4 },
    { method: 'rtn', bits: 3 },
    { method: 'gptq', bits: 3 },
    { method: 'rtn', bits: 2, range: 'mse' },
    { method: 'gptq', bits: 2, range: 'mse' },
  ] satisfies Method[]
).map(recipeOf)
