import { grad, type numpy as np, valueAndGrad } from '@jax-js/jax'
import { Tensor } from '@tersor/core-tensor'
import { ropeFrequencies } from '@tersor/models'
import { describe, expect, test } from 'vitest'
import { attentionBackward } from './attention-backward.ts'
import { crossEntropy } from './cross-entropy.ts'
import { embeddingBackward } from './embedding-backward.ts'
import { linearBackward } from './linear-backward.ts'
import { llamaGradients } from './llama-gradients.ts'
import { rmsNormBackward } from './rms-norm-backward.ts'
import { inverseRotations, rotateHeads, rotationsOf } from './rotate-heads.ts'
import { segmentAttention } from './segment-attention.ts'
import { swigluBackward } from './swiglu-backward.ts'
import { normals, relativeError } from './testing/central-differences.ts'
import * as jax from './testing/jax-ops.ts'
import { randomWeights, smallConfig, untiedInterleaved } from './testing/small-llama.ts'
import { trainingRows } from './training-window.ts'

type Inputs = Record<string, Tensor>

/** Inputs by name, the operation in jax-js, and the gradients that the backward pass says. */
interface Case {
  inputs: Inputs
  /** The shape of the result. */
  dims: readonly number[]
  jax(inputs: Record<string, np.Array>): np.Array
  backward(dy: Tensor): Inputs
}

const random = (dims: readonly number[], seed: number, options: { spread?: number; mean?: number } = {}) =>
  normals(dims, { seed, type: 'float32', ...options })
const zeros = (dims: readonly number[]) =>
  new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims)

const cases: Record<string, () => Case> = {
  linear() {
    const [x, weight] = [random([9, 12], 1), random([7, 12], 2)]
    return {
      inputs: { x, weight },
      dims: [9, 7],
      jax: ({ x, weight }) => jax.linear(x!, weight!),
      backward(dy) {
        const weightGradient = zeros(weight.dims)
        return { x: linearBackward(x, weight, dy, { weightGradient }), weight: weightGradient }
      },
    }
  },
  rmsNorm() {
    const [x, weight] = [random([9, 12], 1), random([12], 2, { mean: 1 })]
    const epsilon = 1e-2
    return {
      inputs: { x, weight },
      dims: x.dims,
      jax: ({ x, weight }) => jax.rmsNorm(x!, weight!, epsilon),
      backward(dy) {
        const weightGradient = zeros(weight.dims)
        return { x: rmsNormBackward(x, weight, dy, { epsilon, weightGradient }), weight: weightGradient }
      },
    }
  },
  swiglu() {
    const [gate, up] = [random([9, 12], 1, { spread: 3 }), random([9, 12], 2)]
    return {
      inputs: { gate, up },
      dims: gate.dims,
      jax: ({ gate, up }) => jax.swiglu(gate!, up!),
      backward(dy) {
        const { gateGradient, upGradient } = swigluBackward(gate, up, dy)
        return { gate: gateGradient, up: upGradient }
      },
    }
  },
  embedding() {
    const table = random([5, 6], 1)
    const tokens = Int32Array.of(4, 0, 4, 2)
    return {
      inputs: { table },
      dims: [4, 6],
      jax: ({ table }) => jax.embedding(table!, tokens),
      backward: dy => ({
        table: embeddingBackward(new Tensor('int32', tokens, [4]), dy, { weightGradient: zeros([5, 6]) }),
      }),
    }
  },
  'cross-entropy'() {
    const logits = random([4, 5], 1, { spread: 3 })
    const targets = Int32Array.of(1, 4, 0, 2)
    const weights = [1, 0.3, 0, 2]
    return {
      inputs: { logits },
      dims: [],
      jax: ({ logits }) => jax.crossEntropy(logits!, targets, weights),
      backward: dy => {
        const { gradient } = crossEntropy(logits, targets, { weights })
        const factor = (dy.data as Float32Array)[0]!
        return {
          logits: new Tensor(
            'float32',
            (gradient.data as Float32Array).map(value => value * factor),
            [4, 5],
          ),
        }
      },
    }
  },
}
for (const ropeLayout of ['half', 'interleaved'] as const) {
  cases[`rope ${ropeLayout}`] = () => {
    const x = random([6, 24], 1)
    const heads = { headDim: 8, ropeBase: 100, ropeLayout }
    return {
      inputs: { x },
      dims: x.dims,
      jax: ({ x }) => jax.rope(x!, heads),
      backward(dy) {
        const copy = new Tensor('float32', (dy.data as Float32Array).slice(), dy.dims)
        return {
          x: rotateHeads(
            copy,
            inverseRotations(rotationsOf({ frequencies: ropeFrequencies(8, 100), layout: ropeLayout }, 6, x)),
          ),
        }
      },
    }
  }
}
for (const [name, kvHeads, borders] of [
  ['one document', 4, [0, 19]],
  ['documents, grouped queries', 2, [0, 3, 4, 19]],
] as const) {
  cases[`attention, ${name}`] = () => {
    const options = { heads: 4, kvHeads, headDim: 6, borders, scale: 0.7 }
    const [q, k, v] = [random([19, 24], 1), random([19, kvHeads * 6], 2), random([19, kvHeads * 6], 3)]
    return {
      inputs: { q, k, v },
      dims: q.dims,
      jax: ({ q, k, v }) => jax.attention(q!, k!, v!, options),
      backward(dy) {
        const o = segmentAttention(q, k, v, options)
        const { dq, dk, dv } = attentionBackward(dy, { q, k, v, o, ...options })
        return { q: dq, k: dk, v: dv }
      },
    }
  }
}

function arraysOf(inputs: Iterable<readonly [string, Tensor]>): Record<string, np.Array> {
  return Object.fromEntries(Array.from(inputs, ([name, tensor]) => [name, jax.jaxArray(tensor)]))
}

describe('against the differentiation of jax-js, in float32', () => {
  test.each(Object.keys(cases))('%s', name => {
    const { inputs, dims, jax: forward, backward } = cases[name]!()
    const dy = random(dims, 9)
    const slopes = jax.jaxArray(dy)
    const loss = (arrays: Record<string, np.Array>) => forward(arrays).mul(slopes.ref).sum()
    const expected = grad(loss)(arraysOf(Object.entries(inputs))) as Record<string, np.Array>
    const actual = backward(dy)
    expect(Object.keys(actual)).toEqual(Object.keys(inputs))
    for (const [input, gradient] of Object.entries(actual))
      expect(relativeError(gradient, expected[input]!.dataSync() as Float32Array), input).toBeLessThan(1e-5)
  })

  test.each([
    ['tied', smallConfig],
    ['with a head of its own, interleaved', untiedInterleaved],
  ])('a whole model, %s', (_, config) => {
    const windows = [
      {
        tokens: Int32Array.of(1, 5, 3, 3, 9, 10, 0, 2),
        weights: [0, 1, 0.3, 1, 0, 1, 1, 0.5],
        borders: [0, 5, 8],
      },
      { tokens: Int32Array.of(4, 4, 8, 1, 0, 6, 7, 2) },
    ]
    const weights = randomWeights(config, 'float32')
    const rows = trainingRows(windows)
    const loss = (arrays: Record<string, np.Array>) => jax.llamaLoss(config, arrays, rows)
    const [expectedLoss, expected] = valueAndGrad(loss)(arraysOf(weights)) as [
      np.Array,
      Record<string, np.Array>,
    ]
    const actual = llamaGradients(config, weights, windows)
    expect(actual.loss).toBeCloseTo(expectedLoss.dataSync()[0]!, 5)
    for (const [name, gradient] of actual.gradients)
      expect(relativeError(gradient, expected[name]!.dataSync() as Float32Array), name).toBeLessThan(1e-4)
  })
})
