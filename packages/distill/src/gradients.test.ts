import { Tensor } from '@tersor/core-tensor'
import { binary, gather, matmul, rmsNorm, unary } from '@tersor/core-tensor/reference'
import { ropeFrequencies } from '@tersor/models'
import { describe, expect, test } from 'vitest'
import { attentionBackward } from './attention-backward.ts'
import { crossEntropy } from './cross-entropy.ts'
import { embeddingBackward } from './embedding-backward.ts'
import { linearBackward } from './linear-backward.ts'
import { rmsNormBackward } from './rms-norm-backward.ts'
import { inverseRotations, rotateHeads, rotationsOf } from './rotate-heads.ts'
import { segmentAttention } from './segment-attention.ts'
import { swiglu } from './swiglu.ts'
import { swigluBackward } from './swiglu-backward.ts'
import { centralDifferences, dot, normals, relativeError } from './testing/central-differences.ts'

const zeros = (dims: readonly number[]) =>
  new Tensor('float64', new Float64Array(dims.reduce((a, b) => a * b, 1)), dims)

/** Inputs by name, the forward pass, and the gradients that the backward pass says. */
interface Case {
  inputs: Record<string, Tensor>
  forward(): Tensor
  backward(dy: Tensor): Record<string, Tensor>
}

const cases: Record<string, () => Case> = {
  linear() {
    const x = normals([5, 4])
    const weight = normals([3, 4], { seed: 2 })
    return {
      inputs: { x, weight },
      forward: () => matmul(x, weight, { transposeB: true }),
      backward(dy) {
        const weightGradient = zeros([3, 4])
        return { x: linearBackward(x, weight, dy, { weightGradient }), weight: weightGradient }
      },
    }
  },
  rmsNorm() {
    const x = normals([5, 6])
    const weight = normals([6], { seed: 2, mean: 1 })
    return {
      inputs: { x, weight },
      forward: () => rmsNorm(x, weight, { epsilon: 1e-2 }),
      backward(dy) {
        const weightGradient = zeros([6])
        return {
          x: rmsNormBackward(x, weight, dy, { epsilon: 1e-2, weightGradient }),
          weight: weightGradient,
        }
      },
    }
  },
  swiglu() {
    const gate = normals([5, 6], { spread: 2 })
    const up = normals([5, 6], { seed: 2 })
    return {
      inputs: { gate, up },
      forward: () => swiglu(gate, up),
      backward(dy) {
        const { gateGradient, upGradient, value } = swigluBackward(gate, up, dy)
        expect(relativeError(value, binary('mul', unary('silu', gate), up))).toBeLessThan(1e-14)
        return { gate: gateGradient, up: upGradient }
      },
    }
  },
  embedding() {
    const table = normals([5, 3])
    const tokens = new Tensor('int32', [4, 0, 4, 2], [4])
    return {
      inputs: { table },
      forward: () => gather(table, tokens, { axis: 0 }),
      backward: dy => ({ table: embeddingBackward(tokens, dy, { weightGradient: zeros([5, 3]) }) }),
    }
  },
}
for (const layout of ['half', 'interleaved'] as const) {
  cases[`rope ${layout}`] = () => {
    const x = normals([6, 8])
    const rotations = rotationsOf({ frequencies: ropeFrequencies(4, 100), layout }, 3, x)
    const copyOf = (t: Tensor) => new Tensor('float64', (t.data as Float64Array).slice(), t.dims)
    return {
      inputs: { x },
      forward: () => rotateHeads(copyOf(x), rotations),
      backward: dy => ({ x: rotateHeads(copyOf(dy), inverseRotations(rotations)) }),
    }
  }
}
for (const [name, kvHeads, borders] of [
  ['one document', 4, [0, 7]],
  ['grouped queries', 2, [0, 7]],
  ['documents', 2, [0, 3, 4, 7]],
  ['one head for all', 1, [0, 1, 7]],
] as const) {
  cases[`attention, ${name}`] = () => {
    const options = { heads: 4, kvHeads, headDim: 3, borders, scale: 0.7 }
    const q = normals([7, 12])
    const k = normals([7, kvHeads * 3], { seed: 2 })
    const v = normals([7, kvHeads * 3], { seed: 3 })
    return {
      inputs: { q, k, v },
      forward: () => segmentAttention(q, k, v, options),
      backward(dy) {
        const o = segmentAttention(q, k, v, options)
        const { dq, dk, dv } = attentionBackward(dy, { q, k, v, o, ...options })
        return { q: dq, k: dk, v: dv }
      },
    }
  }
}

describe('against central differences, in float64', () => {
  test.each(Object.keys(cases))('%s', name => {
    const { inputs, forward, backward } = cases[name]!()
    const dy = normals(forward().dims, { seed: 9 })
    const gradients = backward(dy)
    for (const [input, x] of Object.entries(inputs)) {
      const expected = centralDifferences(x, () => dot(forward(), dy))
      expect(relativeError(gradients[input]!, expected), input).toBeLessThan(1e-9)
    }
  })

  test('cross-entropy with weights', () => {
    const logits = normals([4, 5], { spread: 3 })
    const targets = Int32Array.of(1, 4, 0, 2)
    const weights = [1, 0.3, 0, 2]
    const { gradient } = crossEntropy(logits, targets, { weights })
    const expected = centralDifferences(logits, () => crossEntropy(logits, targets, { weights }).loss)
    expect(relativeError(gradient, expected)).toBeLessThan(1e-9)
  })
})

test('queries beyond one block, and float32 by the attention kernel', () => {
  const borders = [0, 40, 300]
  const options = { heads: 2, kvHeads: 1, headDim: 4, borders }
  const tensors = (type: 'float32' | 'float64') =>
    [1, 2, 3, 4].map(seed => normals([300, seed === 1 || seed === 4 ? 8 : 4], { seed, type }))
  const [exact, rounded] = (['float64', 'float32'] as const).map(type => {
    const [q, k, v, dO] = tensors(type) as [Tensor, Tensor, Tensor, Tensor]
    const o = segmentAttention(q, k, v, options)
    return { o, ...attentionBackward(dO, { q, k, v, o, ...options }) }
  })
  for (const name of ['o', 'dq', 'dk', 'dv'] as const) {
    expect(rounded![name].type).toBe('float32')
    expect(relativeError(rounded![name], exact![name]), name).toBeLessThan(1e-5)
  }
  // The last query of the second document: its gradient by differences, over what lies in three blocks.
  const [q, k, v, dO] = tensors('float64') as [Tensor, Tensor, Tensor, Tensor]
  const last = q.rows(299, 300)
  const expected = centralDifferences(last, () => dot(segmentAttention(q, k, v, options), dO))
  expect(relativeError(exact!.dq.rows(299, 300), expected)).toBeLessThan(1e-8)
})

test('a loss of very unlikely targets stays finite in float32', () => {
  const logits = new Tensor('float32', [0, 300, 1, 0], [2, 2])
  expect(crossEntropy(logits, [0, 0]).loss).toBeCloseTo((300 + Math.log(1 + Math.exp(-1))) / 2, 4)
})

test('what does not fit is refused', () => {
  const x = normals([4, 4])
  const options = { heads: 2, kvHeads: 1, headDim: 2, borders: [0, 5] }
  expect(() => segmentAttention(x, normals([4, 2]), normals([4, 2]), options)).toThrow('borders that ascend')
  expect(() => segmentAttention(x, x, x, options)).toThrow('expected q')
  expect(() => crossEntropy(x, [0, 1, 2, 4])).toThrow('targets from 0 to 3')
  expect(() => rmsNormBackward(x, normals([3]), x, { epsilon: 0, weightGradient: normals([3]) })).toThrow(
    '(d)',
  )
})
