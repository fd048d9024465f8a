import { Tensor } from '@tersor/core-tensor'
import { svd } from '@tersor/core-tensor/linalg'
import { matmul } from '@tersor/core-tensor/reference'
import { expect, test } from 'vitest'
import { adamW } from './adam-w.ts'
import { clipGradients } from './clip-gradients.ts'
import { muon, muonAll } from './muon.ts'
import { newtonSchulz } from './newton-schulz.ts'
import { cosine, trapezoidal } from './schedules.ts'
import { normals, relativeError } from './testing/central-differences.ts'

const zeros = (dims: readonly number[]) =>
  new Tensor('float64', new Float64Array(dims.reduce((a, b) => a * b, 1)), dims)

test('AdamW, three steps by hand', () => {
  const weight = new Tensor('float64', [1], [1])
  const state = { mean: zeros([1]), square: zeros([1]) }
  let [w, m, v] = [1, 0, 0]
  for (const [at, g] of [0.5, -2, 0.1].entries()) {
    const step = at + 1
    adamW(weight, new Tensor('float64', [g], [1]), { state, rate: 0.1, step, weightDecay: 0.01 })
    m = 0.9 * m + 0.1 * g
    v = 0.95 * v + 0.05 * g * g
    w -= 0.1 * (0.01 * w + m / (1 - 0.9 ** step) / (Math.sqrt(v / (1 - 0.95 ** step)) + 1e-8))
    expect((weight.data as Float64Array)[0]).toBeCloseTo(w, 14)
  }
})

test.each([
  [6, 6],
  [4, 9],
  [9, 4],
])(
  'Newton–Schulz of %d by %d: the singular vectors stay, the values go to about 1',
  async (rows, columns) => {
    const matrix = normals([rows, columns], { spread: 40 })
    const x = newtonSchulz(matrix)
    const { s } = await svd(x)
    for (const value of s.data as Float64Array) {
      expect(value).toBeGreaterThan(0.6)
      expect(value).toBeLessThan(1.25)
    }
    // G·Xᵀ = U·Σ·S·Uᵀ is symmetric exactly where both have the same singular vectors.
    const product = matmul(matrix, x, { transposeB: true })
    const mirrored = matmul(x, matrix, { transposeB: true })
    expect(relativeError(product, mirrored)).toBeLessThan(1e-12)
    expect(newtonSchulz(zeros([2, 3])).data).toEqual(new Float64Array(6))
  },
)

test('Muon moves along the orthogonal factor of gradient and momentum', () => {
  const weight = normals([6, 3])
  const before = (weight.data as Float64Array).slice()
  const gradient = normals([6, 3], { seed: 2 })
  const momentum = normals([6, 3], { seed: 3 })
  const held = (momentum.data as Float64Array).slice()
  muon(weight, gradient, { state: { momentum }, rate: 0.1, weightDecay: 0.5 })
  const g = gradient.data as Float64Array
  const m = held.map((value, i) => 0.95 * value + g[i]!)
  expect(relativeError(momentum, m)).toBeLessThan(1e-15)
  const ahead = new Tensor(
    'float64',
    m.map((value, i) => g[i]! + 0.95 * value),
    [6, 3],
  )
  const factor = newtonSchulz(ahead).data as Float64Array
  const expected = before.map((w, i) => w - 0.1 * (0.5 * w + Math.SQRT2 * factor[i]!))
  expect(relativeError(weight, expected)).toBeLessThan(1e-14)
})

test('Muon takes matrices together as one by one', () => {
  const shapes = [
    [6, 3],
    [3, 6],
    [6, 3],
    [4, 4],
  ]
  const matrices = () =>
    shapes.map((dims, i) => ({
      weight: normals(dims, { seed: i }),
      gradient: normals(dims, { seed: 10 + i }),
      momentum: normals(dims, { seed: 20 + i }),
    }))
  const [together, alone] = [matrices(), matrices()]
  muonAll(together, { rate: 0.1 })
  for (const { weight, gradient, momentum } of alone)
    muon(weight, gradient, { rate: 0.1, state: { momentum } })
  for (const [i, { weight, momentum }] of together.entries()) {
    expect(weight.data).toEqual(alone[i]!.weight.data)
    expect(momentum.data).toEqual(alone[i]!.momentum.data)
  }
  const vector = normals([4])
  expect(() => muonAll([{ weight: vector, gradient: vector, momentum: vector }], { rate: 1 })).toThrow(
    'a matrix',
  )
})

test('clipping keeps the direction, and leaves small gradients alone', () => {
  const gradients = new Map([
    ['a', new Tensor('float64', [3, 0], [2])],
    ['b', new Tensor('float64', [4], [1])],
  ])
  expect(clipGradients(gradients, { norm: 10 })).toBe(5)
  expect(gradients.get('b')!.data).toEqual(Float64Array.of(4))
  expect(clipGradients(gradients, { norm: 2.5 })).toBe(5)
  expect(gradients.get('a')!.data).toEqual(Float64Array.of(1.5, 0))
  gradients.set('c', new Tensor('float64', [NaN], [1]))
  expect(() => clipGradients(gradients, { norm: 1 })).toThrow('expected finite gradients')
})

test('schedules', () => {
  const [wave, plateau] = [
    cosine({ steps: 100, warmUp: 10, floor: 0.1 }),
    trapezoidal({ steps: 100, warmUp: 10, coolDown: 20, floor: 0.1 }),
  ]
  for (const schedule of [wave, plateau]) {
    expect(schedule(0)).toBeCloseTo(0.1)
    expect(schedule(9)).toBe(1)
    expect(schedule(10)).toBe(1)
    expect(schedule(100)).toBeCloseTo(0.1)
  }
  expect(wave(55)).toBeCloseTo(0.55)
  expect(plateau(79)).toBe(1)
  expect(plateau(90)).toBeCloseTo(0.55)
  expect(() => trapezoidal({ steps: 10, warmUp: 6, coolDown: 5 })).toThrow('within 10 steps')
})
