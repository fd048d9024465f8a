import { Rng } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { KneserNey } from './kneser-ney.ts'

const rng = new Rng(1)
/** Of each token there are three that may follow, and one that rarely does. */
function text(length: number): number[] {
  const tokens = [0]
  while (tokens.length < length) {
    const last = tokens.at(-1)!
    tokens.push(rng.integer(20) === 0 ? rng.integer(30) : (7 * last + rng.integer(3)) % 30)
  }
  return tokens
}

const documents = Array.from({ length: 40 }, () => text(100))

describe('KneserNey', () => {
  it('is a distribution over the vocabulary after any history', () => {
    const model = new KneserNey(documents)
    for (const history of [[0], [0, 3, 5], documents[0]!.slice(0, 30), [29, 999, 4]]) {
      let sum = 0
      for (let token = 0; token < 1024; token++) sum += Math.exp(-model.nats([...history, token]).at(-1)!)
      expect(sum).toBeCloseTo(1, 9)
    }
  })

  it('is the formula, on a text that one can count by hand', () => {
    // Documents a b, a b, a c: with tokens a = 0, b = 1, c = 2.
    const model = new KneserNey([
      [0, 1],
      [0, 1],
      [0, 2],
    ])
    // All orders above the first: two continuations of one history. Five tokens: counts 2 and 1, one once and one twice.
    const top = 1 / 3
    // Lower orders count contexts, of which there is one each: both once, so that everything is taken off.
    const lower = 1 / 1024
    expect(Math.exp(-model.nats([0, 1])[0]!)).toBeCloseTo((2 - top + top * 2 * lower) / 3, 12)
    expect(Math.exp(-model.nats([0, 2])[0]!)).toBeCloseTo((1 - top + top * 2 * lower) / 3, 12)
  })

  it('learns what follows what', () => {
    const model = new KneserNey(documents)
    const losses = Array.from(model.nats(text(2000)))
    const mean = losses.reduce((a, b) => a + b) / losses.length
    // Three continuations of 0.95 / 3 each, thirty of 0.05 / 30: 1.41 nats at the least; a uniform guess has 3.4.
    expect(mean).toBeGreaterThan(1.38)
    expect(mean).toBeLessThan(1.75)
  })
})
