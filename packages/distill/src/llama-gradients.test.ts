import { Tensor } from '@tersor/core-tensor'
import { Decoder, weightShapes } from '@tersor/models'
import { describe, expect, test } from 'vitest'
import { llamaGradients } from './llama-gradients.ts'
import {
  centralDifferences,
  differencesAlong,
  dot,
  normals,
  relativeError,
} from './testing/central-differences.ts'
import { randomWeights, smallConfig, smallMixture, untiedInterleaved } from './testing/small-llama.ts'

const config = smallConfig

const windows = [
  {
    tokens: Int32Array.of(1, 5, 3, 3, 9, 10, 0, 2),
    weights: [0, 1, 0.3, 1, 0, 1, 1, 0.5],
    borders: [0, 4, 8],
  },
  { tokens: Int32Array.of(4, 4, 8, 1, 0, 6, 7, 2) },
]

describe.each([
  ['tied', config],
  ['with a head of its own, interleaved', untiedInterleaved],
  ['with experts', smallMixture],
])('%s', (_, config) => {
  test('every gradient against central differences, in float64', () => {
    const weights = randomWeights(config, 'float64')
    const { gradients } = llamaGradients(config, weights, windows)
    expect([...gradients.keys()]).toEqual([...weightShapes(config).keys()])
    for (const [name, weight] of weights) {
      for (const seed of [21, 22]) {
        const direction = normals(weight.dims, { seed })
        const slope = differencesAlong(weight, direction, () => llamaGradients(config, weights, windows).loss)
        const expected = [slope]
        expect(relativeError([dot(gradients.get(name)!, direction)], expected), name).toBeLessThan(1e-7)
      }
    }
  })

  test('float32 gives the same gradients to its precision', () => {
    const exact = llamaGradients(config, randomWeights(config, 'float64'), windows)
    const rounded = llamaGradients(config, randomWeights(config, 'float32'), windows)
    expect(rounded.loss).toBeCloseTo(exact.loss, 5)
    for (const [name, gradient] of rounded.gradients) {
      expect(gradient.type).toBe('float32')
      expect(relativeError(gradient, exact.gradients.get(name)!), name).toBeLessThan(1e-5)
    }
  })

  test('the loss is that of the runtime, document by document', async () => {
    const weights = randomWeights(config, 'float32')
    const model = new Decoder(config, weights)
    const { loss, balance } = llamaGradients(config, weights, windows)
    let sum = 0
    let total = 0
    for (const { tokens, weights = new Array<number>(8).fill(1), borders = [0, 8] } of windows) {
      for (let s = 0; s + 1 < borders.length; s++) {
        const document = tokens.subarray(borders[s], borders[s + 1])
        const { logits } = await model.forward(document, { cache: model.createCache(), logits: 'all' })
        for (let i = 0; i + 1 < document.length; i++) {
          const row = Array.from(logits!.rows(i, i + 1).data as Float32Array)
          const weight = weights[borders[s]! + i + 1]!
          const logSum = Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0))
          sum += weight * (logSum - row[document[i + 1]!]!)
          total += weight
        }
      }
    }
    expect(loss - balance).toBeCloseTo(sum / total, 5)
  })
})

test.each([
  ['dense', config, {}],
  // Balance is a matter of those that go through together.
  ['experts', smallMixture, { balance: 0 }],
])('a batch in parts adds up to the batch, %s', (_, config, objective) => {
  const weights = randomWeights(config, 'float64')
  const whole = llamaGradients(config, weights, windows, { objective })
  const first = llamaGradients(config, weights, [windows[0]!], { total: whole.total, objective })
  const { loss, gradients } = llamaGradients(config, weights, [windows[1]!], {
    total: whole.total,
    gradients: first.gradients,
    objective,
  })
  expect(first.loss + loss).toBeCloseTo(whole.loss, 12)
  for (const [name, gradient] of gradients)
    expect(relativeError(gradient, whole.gradients.get(name)!), name).toBeLessThan(1e-12)
})

test('the loss that balances experts is about its weight a layer, and reaches their routers', () => {
  const weights = randomWeights(smallMixture, 'float64')
  const run = (balance?: number) =>
    llamaGradients(smallMixture, weights, windows, {
      objective: balance === undefined ? {} : { balance },
    })
  const [without, with1] = [run(0), run(1)]
  expect(without.balance).toBe(0)
  expect(with1.balance).toBeGreaterThan(2 * 0.8)
  expect(with1.balance).toBeLessThan(2 * 4)
  expect(with1.loss - with1.balance).toBeCloseTo(without.loss, 12)
  expect(run().balance).toBeCloseTo(0.01 * with1.balance, 12)
  const name = 'layers.1.feedForward.router'
  expect(relativeError(with1.gradients.get(name)!, without.gradients.get(name)!)).toBeGreaterThan(0.1)
  // Half of a batch's weight is half of its balance.
  const part = llamaGradients(smallMixture, weights, windows, { total: 2 * without.total })
  expect(part.balance).toBeCloseTo(0.005 * with1.balance, 12)
})

test('a loss of hidden states reaches the weights before them', () => {
  const weights = randomWeights(config, 'float64')
  const objective = {
    hidden(layer: number, x: Tensor) {
      if (layer === 0) return undefined
      const data = x.data as Float64Array
      const loss = data.reduce((sum, value) => sum + (layer * value * value) / 2, 0)
      return {
        loss,
        gradient: new Tensor(
          'float64',
          data.map(value => layer * value),
          x.dims,
        ),
      }
    },
  }
  const run = () => llamaGradients(config, weights, windows, { objective })
  const { gradients } = run()
  for (const name of ['embedding.tokens', 'layers.1.feedForward.down']) {
    const rows = weights.get(name)!.rows(1, 2)
    const expected = centralDifferences(rows, () => run().loss)
    expect(relativeError(gradients.get(name)!.rows(1, 2), expected), name).toBeLessThan(1e-7)
  }
})

test('what does not fit is refused', () => {
  const weights = randomWeights(config, 'float32')
  expect(() => llamaGradients(config, weights, [])).toThrow('at least one window')
  expect(() => llamaGradients(config, weights, [{ tokens: Int32Array.of(11, 1) }])).toThrow('from 0 to 10')
  expect(() => llamaGradients(config, weights, [{ tokens: new Int32Array(33) }])).toThrow('at most 32')
  expect(() => llamaGradients(config, weights, [{ tokens: new Int32Array(4), borders: [0, 5] }])).toThrow(
    'ascend from 0 to 4',
  )
  weights.delete('norm')
  expect(() => llamaGradients(config, weights, windows)).toThrow("'norm' [8], got none")
})
