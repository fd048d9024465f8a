import { expect, it } from 'vitest'
import { adjectives, lexicon, names, objects, places } from './lexicon.ts'

it('has hundreds of words, none of them twice, in a form that is one word to every tokenizer', () => {
  expect(names.length).toBeGreaterThan(200)
  expect(objects.length).toBeGreaterThan(150)
  expect(places.length).toBeGreaterThan(100)
  expect(adjectives.length).toBeGreaterThan(30)
  expect(new Set(lexicon.map(word => word.toLowerCase())).size).toBe(lexicon.length)
  for (const word of lexicon) expect(word).toMatch(/^[A-Za-z][a-z]+$/)
})
