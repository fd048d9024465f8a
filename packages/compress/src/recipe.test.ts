import { ShapeError, type Stage, UnsupportedError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { toyMethods } from '../testing/toy-methods.ts'
import { modelRecipe } from './model-recipe.ts'
import { checkRecipe, planRules, type Recipe, type Step, stepsLabel } from './recipe.ts'

const using = (...use: Step[]): Recipe => ({ name: 'r', rules: [{ match: '*', use }] })
const shorter: Stage = {
  name: 'shorter',
  version: 1,
  summary: 'Fewer blocks.',
  needs: [],
  options: { blocks: { is: 'whole', min: 1, max: 8, help: 'that stay' } },
  run: model => model,
}

describe('checkRecipe', () => {
  it('finds methods, fills in options and names steps', () => {
    const { rules, otherwise } = checkRecipe(using({ method: 'bytes' }, { method: 'towards' }), toyMethods)
    expect(otherwise).toBe('float16')
    expect(rules[0]!.use.map(({ label }) => label)).toEqual(['bytes 0.1 noise', 'towards'])
    expect(rules[0]!.use[0]!.options).toEqual({ noise: 0.1, columns: 0 })
    expect(stepsLabel([{ method: 'bytes', noise: 1 }, { method: 'half' }], toyMethods)).toBe(
      'bytes 1 noise, then half',
    )
  })

  it.each([
    [using({ method: 'bites' }), UnsupportedError, /got 'bites'; did you mean bytes\?/],
    [
      using({ method: 'sparse' }),
      UnsupportedError,
      /among half, bytes, energy, towards, got 'sparse'; pass it in methods/,
    ],
    [using({ method: 'bytes', noises: 1 }), ShapeError, /got noises; did you mean noise\?/],
    [using({ method: 'bytes', noise: 2 }), ShapeError, /expected noise to be a number from 0 to 1, got 2/],
    [
      using({ method: 'bytes', noise: '1' }),
      ShapeError,
      /expected noise to be a number from 0 to 1, got '1'/,
    ],
    [using({ method: 'towards' }), ShapeError, /expected a step before towards in the rule '\*'/],
    [
      { ...using(), stages: [{ method: 'shortter', blocks: 1 }] },
      UnsupportedError,
      /a stage among shorter.+did you mean shorter/,
    ],
    [
      { ...using(), stages: [{ method: 'shorter' }] },
      ShapeError,
      /expected blocks to be a whole number from 1 to 8, got none/,
    ],
  ])('refuses %j', (recipe, type, message) => {
    expect(() => checkRecipe(recipe, toyMethods, [shorter])).toThrow(type)
    expect(() => checkRecipe(recipe, toyMethods, [shorter])).toThrow(message)
  })

  it.each([
    null,
    'rtn',
    [],
    {},
    { name: 'r' },
    { name: 'r', rules: [{ match: '*', use: { method: 'half' } }] },
    { name: 'r', rules: [{ match: '*', use: ['half'] }] },
    { name: 'r', rules: [{ use: [] }] },
    { name: 'r', rules: [], otherwise: 'float32' },
    { name: 'r', rules: [], stages: ['shorter'] },
  ])('refuses what is no recipe: %j', recipe => {
    expect(() => checkRecipe(recipe as never, toyMethods)).toThrow('[compress/recipe] expected { name, rules')
  })
})

describe('planRules', () => {
  const names = ['a.weight', 'b.weight', 'b.bias']
  it('takes the first rule that matches, the whole name and nothing but literal dots', () => {
    const rules = [{ match: 'b*' }, { match: '*.weight' }]
    expect(planRules(rules, names)).toEqual(
      new Map([
        ['a.weight', rules[1]],
        ['b.weight', rules[0]],
        ['b.bias', rules[0]],
      ]),
    )
    expect(() => planRules([{ match: 'a_weight' }], names)).toThrow(ShapeError)
    expect(() => planRules([{ match: 'weight' }], names)).toThrow(ShapeError)
  })

  it('refuses a rule that has nothing left to match', () => {
    expect(() => planRules([{ match: '*' }, { match: 'a*' }], names)).toThrow(
      "the rule 'a*' matches no tensor that an earlier rule does not take",
    )
  })
})

describe('modelRecipe', () => {
  const names = ['embedding.tokens', 'layers.0.feedForward.router', 'w', 'head']
  const few = [{ method: 'bytes' }]
  const more = [{ method: 'half' }]
  it('keeps tables of tokens and routers apart', () => {
    const { name, rules } = modelRecipe(few, names, { delicate: more })
    expect(name).toBe('bytes')
    expect(rules.map(({ match, use }) => [match, use])).toEqual([
      [names[0], more],
      [names[1], more],
      [names[3], more],
      ['*', few],
    ])
    planRules(rules, names)
    expect(modelRecipe(few, names, { name: 'all' })).toEqual({
      name: 'all',
      rules: [{ match: '*', use: few }],
    })
    const table = modelRecipe(few, names.slice(0, 1), { delicate: more })
    expect(planRules(table.rules, names.slice(0, 1)).size).toBe(1)
  })
})
