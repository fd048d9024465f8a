import { Tensor } from '@tersor/core-tensor'
import { configFromHuggingFace, routeTokens } from '@tersor/models'
import { describe, expect, test } from 'vitest'
import { expertsBackward } from './experts-backward.ts'
import { type ExpertTensors, expertsForward } from './experts-forward.ts'
import { initialWeights } from './initial-weights.ts'
import { loadBalancing } from './load-balancing.ts'
import { centralDifferences, dot, normals, relativeError } from './testing/central-differences.ts'
import { mixtureJson, smallJson } from './testing/small-llama.ts'
import { trainingFlops } from './training-flops.ts'

const [tokens, d, hidden, experts] = [9, 6, 5, 4]

const mixture = (make: (dims: readonly number[], seed: number) => Tensor): ExpertTensors => ({
  router: make([experts, d], 10),
  experts: Array.from({ length: experts }, (_, e) => ({
    gate: make([hidden, d], 20 + e),
    up: make([hidden, d], 30 + e),
    down: make([d, hidden], 40 + e),
  })),
})

const mixtureConfig = (own: object) => configFromHuggingFace({ ...mixtureJson, ...own })

const zeros = (dims: readonly number[]) =>
  new Tensor('float64', new Float64Array(dims.reduce((a, b) => a * b)), dims)

/** Every weight by name. */
const named = ({ router, experts }: ExpertTensors) => ({
  router,
  ...Object.fromEntries(
    experts.flatMap((network, e) => Object.entries(network).map(([name, t]) => [`${name} ${e}`, t])),
  ),
})

/** How far the logits are from another choice of experts, at the least. */
function margin(logits: Tensor, perToken: number): number {
  let least = Infinity
  for (let token = 0; token < logits.dims[0]!; token++) {
    const row = Array.from(logits.rows(token, token + 1).data as Float64Array).sort((a, b) => b - a)
    least = Math.min(least, row[perToken - 1]! - (row[perToken] ?? -Infinity))
  }
  return least
}

describe.each([1, 2, 3, 4])('%i of 4 experts', perToken => {
  test('every gradient against central differences, in float64', () => {
    const h = normals([tokens, d], { seed: 2 })
    const weights = mixture((dims, seed) => normals(dims, { seed }))
    const gradients = mixture(zeros)
    const dy = normals([tokens, d], { seed: 9 })
    const { gate, up, routing } = expertsForward(h, weights, { perToken })
    expect(margin(routing.logits, perToken)).toBeGreaterThan(0.02)
    const dh = expertsBackward(h, dy, { weights, gradients, gate, up, routing })
    const loss = () => dot(expertsForward(h, weights, { perToken }).y, dy)
    expect(relativeError(dh, centralDifferences(h, loss))).toBeLessThan(1e-9)
    const sums: Record<string, Tensor> = named(gradients)
    for (const [name, weight] of Object.entries(named(weights))) {
      const expected = centralDifferences(weight, loss)
      // One choice has a weight of 1, whatever its logit is.
      if (name === 'router' && perToken === 1)
        expect(Math.max(...(sums.router!.data as Float64Array))).toBe(0)
      else expect(relativeError(sums[name]!, expected), name).toBeLessThan(1e-9)
    }
  })

  test('the loss that balances', () => {
    const logits = normals([tokens, experts], { spread: 2 })
    const options = { ...routeTokens(logits, { perToken }), weight: 0.3 }
    const { gradient } = loadBalancing(logits, options)
    const expected = centralDifferences(logits, () => loadBalancing(logits, options).loss)
    if (perToken < experts) expect(relativeError(gradient, expected)).toBeLessThan(1e-9)
    // With all experts in equal use there is nothing to balance.
    else for (const slope of gradient.data as Float64Array) expect(slope).toBeCloseTo(0, 15)
  })
})

test('an expert that no token chose is left alone, and gradients are added to', () => {
  const h = normals([tokens, d], { seed: 2, mean: 3, spread: 0.1 })
  const weights = mixture((dims, seed) => normals(dims, { seed }))
  ;(weights.router.data as Float64Array).fill(-5, 2 * d, 3 * d)
  const { gate, up, routing } = expertsForward(h, weights, { perToken: 2 })
  const used = (e: number) => routing.borders[e]! < routing.borders[e + 1]!
  expect(used(2)).toBe(false)
  const options = { weights, gate, up, routing }
  const dy = normals([tokens, d], { seed: 9 })
  const once = mixture(zeros)
  const twice = mixture(zeros)
  expertsBackward(h, dy, { ...options, gradients: once })
  for (let i = 0; i < 2; i++) expertsBackward(h, dy, { ...options, gradients: twice })
  const doubled: Record<string, Tensor> = named(twice)
  for (const [name, sum] of Object.entries(named(once))) {
    const values = sum.data as Float64Array
    expect(values.every(value => value === 0)).toBe(name !== 'router' && !used(Number(name.split(' ')[1])))
    for (const [i, value] of (doubled[name]!.data as Float64Array).entries())
      expect(value).toBeCloseTo(2 * values[i]!, 12)
  }
})

test('balancing alone spreads tokens that all prefer one expert', () => {
  const logits = normals([64, experts], { spread: 0.5 })
  const data = logits.data as Float64Array
  for (let i = 0; i < data.length; i += experts) data[i]! += 2
  const most = () => {
    const { borders } = routeTokens(logits, { perToken: 1 })
    return Math.max(...Array.from({ length: experts }, (_, e) => borders[e + 1]! - borders[e]!))
  }
  expect(most()).toBeGreaterThan(56)
  for (let step = 0; step < 200; step++) {
    const { gradient } = loadBalancing(logits, { ...routeTokens(logits, { perToken: 1 }), weight: 1 })
    for (const [i, slope] of (gradient.data as Float64Array).entries()) data[i]! -= 10 * slope
  }
  expect(most()).toBeLessThan(28)
})

test('what a step costs counts the experts that a token chose', () => {
  const windows = [{ tokens: new Int32Array(4) }]
  const flops = (expertsPerToken: number) =>
    trainingFlops(mixtureConfig({ num_experts_per_tok: expertsPerToken }), windows)
  // Two layers, four tokens, three matrices of 6 · 8 weights, six operations each.
  expect(flops(2) - flops(1)).toBe(2 * 4 * 3 * 48 * 6)
  const dense = configFromHuggingFace({ ...smallJson, intermediate_size: 6 })
  // One expert of four is the dense model with a router of 4 · 8 weights.
  expect(flops(1) - trainingFlops(dense, windows)).toBe(2 * 4 * 32 * 6)
})

test('what writes to the residual stream begins small, and routers without preference', () => {
  const config = mixtureConfig({ hidden_size: 64, intermediate_size: 64, num_hidden_layers: 8 })
  const weights = initialWeights(config, { seed: 1 })
  const deviation = (name: string) => {
    const values = weights.get(`layers.3.feedForward.${name}`)!.data as Float32Array
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  }
  expect(deviation('experts.2.gate')).toBeCloseTo(1 / 8, 2)
  expect(deviation('experts.2.up')).toBeCloseTo(1 / 8, 2)
  expect(deviation('experts.2.down')).toBeCloseTo(1 / 32, 2)
  expect(deviation('router')).toBeCloseTo(0.02, 2)
})
