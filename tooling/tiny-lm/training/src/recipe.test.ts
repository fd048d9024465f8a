import { readFileSync } from 'node:fs'
import { BpeEncoder } from 'tiny-lm-corpus'
import { describe, expect, it } from 'vitest'
import { curriculum, recipes } from './recipe.ts'

const file = new URL('../../../../packages/tiny-lm/model/tokenizer.json', import.meta.url)
const encoder = new BpeEncoder(JSON.parse(readFileSync(file, 'utf8')))

describe('curriculum', () => {
  it('lets the rates of the main model fall in a line from a half', () => {
    const schedule = curriculum({ encoder, seed: 1 }, recipes.model, 9200).schedule!
    expect([0, 99, 4399].map(schedule)).toEqual([0.01, 1, 1])
    expect([4400, 6800, 9200].map(schedule)).toEqual([0.5, 0.25, 0])
  })

  it('lets those of the small one fall from all of it', () => {
    const schedule = curriculum({ encoder, seed: 1 }, recipes.mini, 800).schedule!
    expect([399, 400, 600, 800].map(schedule)).toEqual([1, 1, 0.5, 0])
  })
})
