import { type Device, Tensor } from '@tersor/core-tensor'
import type { KernelCase } from '@tersor/core-tensor/testing'
import { ropeFrequencies } from '@tersor/models'
import { expect } from 'vitest'
import { attentionBackward } from '../attention-backward.ts'
import { crossEntropy } from '../cross-entropy.ts'
import { rmsNormBackward } from '../rms-norm-backward.ts'
import { rotateHeads, rotationsOf } from '../rotate-heads.ts'
import { segmentAttention } from '../segment-attention.ts'
import { swiglu } from '../swiglu.ts'
import { swigluBackward } from '../swiglu-backward.ts'
import { normals } from './central-differences.ts'

type Type = 'float32' | 'float64'
type Results = Record<string, Tensor>

/** What a kernel gives on a device in float32, against its reference in float64 on the same numbers. */
function agrees(kernel: KernelCase['kernel'], name: string, run: (make: Make) => Results): KernelCase {
  return {
    kernel,
    name,
    run(device) {
      const exact = run(maker('float64'))
      const rounded = run(maker('float32', device))
      for (const [result, expected] of Object.entries(exact)) {
        const actual = rounded[result]!
        expect(actual.type, result).toBe('float32')
        expect(actual.dims, result).toEqual(expected.dims)
        expect(distance(actual, expected), result).toBeLessThan(3e-6)
      }
    },
  }
}

/** The length of the difference, relative to that of what was expected, and of as many ones. */
function distance(actual: Tensor, expected: Tensor): number {
  const [a, b] = [actual.data as Float32Array, expected.data as Float64Array]
  const squares = (values: ArrayLike<number>) => Array.from(values).reduce((sum, x) => sum + x * x, 0)
  return Math.sqrt(squares(b.map((x, i) => x - a[i]!)) / (squares(b) + b.length + 1))
}

type Make = (dims: readonly number[], seed: number, spread?: number) => Tensor

/** Normal deviates that float32 holds, as tensors of a type. */
function maker(type: Type, device?: Device): Make {
  return (dims, seed, spread = 1) => {
    const values = Float32Array.from(normals(dims, { seed, spread }).data as Float64Array)
    const tensor = new Tensor(type, type === 'float32' ? values : Float64Array.from(values), dims)
    return device === undefined ? tensor : device.upload(tensor)
  }
}

const attentions = [
  { heads: 1, kvHeads: 1, headDim: 1, borders: [0, 1] },
  { heads: 4, kvHeads: 4, headDim: 32, borders: [0, 100] },
  { heads: 4, kvHeads: 2, headDim: 8, borders: [0, 3, 4, 20, 53] },
  { heads: 6, kvHeads: 2, headDim: 7, borders: [0, 47, 49, 98], scale: 0.1 },
  { heads: 2, kvHeads: 1, headDim: 17, borders: [0, 1, 2, 3, 300] },
  { heads: 3, kvHeads: 3, headDim: 64, borders: [0, 16, 32, 96, 97] },
] as const

const attentionCases = attentions.flatMap((options): KernelCase[] => {
  const { heads, kvHeads, headDim, borders } = options
  const rows = borders.at(-1)!
  const inputs = (make: Make): [Tensor, Tensor, Tensor] => [
    make([rows, heads * headDim], 1, 2),
    make([rows, kvHeads * headDim], 2),
    make([rows, kvHeads * headDim], 3),
  ]
  const name = `${heads} heads of ${headDim} over ${kvHeads}, documents to ${borders}`
  return [
    agrees('segmentAttention', name, make => ({ o: segmentAttention(...inputs(make), options) })),
    agrees('attentionBackward', name, make => {
      const [q, k, v] = inputs(make)
      const o = segmentAttention(q, k, v, options)
      return { ...attentionBackward(make(q.dims, 4), { ...options, q, k, v, o }) }
    }),
  ]
})

const rotationCases = (['half', 'interleaved'] as const).flatMap(layout =>
  [2, 8, 34].map(headDim =>
    agrees('rotateHeads', `${layout}, heads of ${headDim}`, make => {
      const x = make([10, 3 * headDim], 1)
      return { x: rotateHeads(x, rotationsOf({ frequencies: ropeFrequencies(headDim, 100), layout }, 5, x)) }
    }),
  ),
)

const normCases = [
  [1, 1],
  [3, 7],
  [130, 33],
  [65, 128],
].flatMap(([rows, columns]) =>
  [false, true].map(around =>
    agrees('rmsNormBackward', `${rows} × ${columns}${around ? ' with a residual' : ''}`, make => {
      const x = make([rows!, columns!], 1)
      const weightGradient = make([columns!], 2)
      const residual = around ? { residual: make(x.dims, 5) } : {}
      const options = { epsilon: 1e-2, weightGradient, ...residual }
      return { dx: rmsNormBackward(x, make([columns!], 3), make(x.dims, 4), options), weightGradient }
    }),
  ),
)

const gateCases = [0, 1, 7, 100, 20_000].flatMap(size => [
  agrees('swiglu', `${size} numbers`, make => ({ a: swiglu(make([size], 1, 4), make([size], 2)) })),
  agrees('swigluBackward', `${size} numbers`, make => ({
    ...swigluBackward(make([size], 1, 4), make([size], 2), make([size], 3)),
  })),
])

const entropyCases = [
  [1, 1],
  [5, 3],
  [9, 1024],
  [70, 33],
].map(([rows, columns]) =>
  agrees('crossEntropy', `${rows} × ${columns}, some rows without weight`, make => {
    const targets = Int32Array.from({ length: rows! }, (_, row) => (row * 7) % columns!)
    const weights = Float64Array.from({ length: rows! }, (_, row) => (row % 3) / 2 + (rows === 1 ? 1 : 0))
    const { loss, gradient } = crossEntropy(make([rows!, columns!], 1, 4), targets, { weights, total: 3 })
    const type = gradient.type as Type
    return { loss: new Tensor(type, [loss], [1]), gradient }
  }),
)

/** The training group of a device's kernels, for `describeDevice`. */
export const trainingCases: readonly KernelCase[] = [
  ...attentionCases,
  ...rotationCases,
  ...normCases,
  ...gateCases,
  ...entropyCases,
  {
    kernel: 'segmentAttention',
    name: 'refuses what the reference refuses',
    run(device) {
      const make = maker('float32', device)
      const x = make([4, 4], 1)
      const options = { heads: 2, kvHeads: 2, headDim: 2 }
      for (const borders of [
        [0, 5],
        [0, 2, 2, 4],
        [1, 4],
        [0, 2.5, 4],
      ])
        expect(() => segmentAttention(x, x, x, { ...options, borders }), `${borders}`).toThrow('borders')
      expect(() => crossEntropy(x, [0, 1, 2, 4])).toThrow('targets from 0 to 3')
      expect(() => swiglu(x, make([4, 3], 2))).toThrow()
    },
  },
]
