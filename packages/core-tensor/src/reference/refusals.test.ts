import { describe, expect, it } from 'vitest'
import { DTypeError, ShapeError } from '../errors.ts'
import { Tensor } from '../tensor/tensor.ts'
import * as kernels from './index.ts'

const f = (...dims: number[]) =>
  new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims)
const i = (values: number[], ...dims: number[]) =>
  new Tensor('int32', values, dims.length > 0 ? dims : [values.length])
const { attention, binary, copy, gather, gram, hadamard, histogram, layerNorm, matmul } = kernels
const {
  mergeAttention,
  nearest,
  quantizeAffine,
  reduce,
  rmsNorm,
  rope,
  scatterAdd,
  softmax,
  topK,
  transpose,
  unary,
} = kernels

/** What a kernel must refuse rather than compute something. */
const refusals: Record<string, readonly (() => unknown)[]> = {
  attention: [
    () => attention(f(3, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1 }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 6, 4), { scale: 1 }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, length: 6 }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, logWeight: f(2, 4) }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, lse: f(2) }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, window: 0 }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, softcap: -1 }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, mass: f(2, 4) }),
    () => attention(f(2, 1, 4), f(2, 5, 4), f(2, 5, 4), { scale: 1, keyIndex: i([0, 5], 2, 1) }),
  ],
  binary: [
    () => binary('add', f(2, 3), f(2)),
    () => binary('add', f(2), f(2), { out: f(3) }),
    () => binary('add', f(2), f(2), { accumulate: true }),
  ],
  copy: [
    () => copy(f(2, 2), { out: f(3, 3), at: [2, 0] }),
    () => copy(f(2), { out: f(3), at: [0.5] }),
    () => copy(f(2), { out: f(3), at: [-1] }),
  ],
  gather: [
    () => gather(f(3, 2), i([3]), { axis: 0 }),
    () => gather(f(3, 2), i([-1]), { axis: 0 }),
    () => gather(f(3, 2), i([0]), { axis: 2 }),
  ],
  gram: [() => gram(f()), () => gram(f(2, 3), { out: f(2, 2) })],
  hadamard: [() => hadamard(f(2, 4), { signs: f(3) }), () => hadamard(f())],
  histogram: [
    () => histogram(f(3), { bins: 0, range: [0, 1] }),
    () => histogram(f(3), { bins: 2, range: [1, 1] }),
    () => histogram(f(3), { bins: 2, range: [0, Infinity] }),
  ],
  layerNorm: [
    () => layerNorm(f(2, 3), f(2), { epsilon: 1 }),
    () => layerNorm(f(2, 3), f(3), { epsilon: 1, bias: f(2) }),
    () => layerNorm(f(), f(1), { epsilon: 1 }),
  ],
  matmul: [
    () => matmul(f(2, 3), f(4, 5)),
    () => matmul(f(2, 3, 4), f(3, 4, 5)),
    () => matmul(f(3), f(3)),
    () => matmul(f(2, 3), f(3, 4), { out: f(4, 2) }),
  ],
  mergeAttention: [
    () => mergeAttention([]),
    () => mergeAttention([{ heads: [1], o: f(1, 2, 3), lse: f(1, 2) }]),
    () => mergeAttention([{ heads: [0], o: f(1, 2, 3), lse: f(1, 3) }]),
    () =>
      mergeAttention([
        { heads: [0], o: f(1, 2, 3), lse: f(1, 2) },
        { heads: [0], o: f(1, 2, 4), lse: f(1, 2) },
      ]),
  ],
  nearest: [
    () => nearest(f(2, 3), f(4, 2)),
    () => nearest(f(2, 3), f(0, 3)),
    () => nearest(f(2, 3), f(4, 3), { weight: f(2) }),
  ],
  quantizeAffine: [
    () => quantizeAffine(f(2, 4), f(2, 1), { bits: 9, group: 4, axis: 1 }),
    () => quantizeAffine(f(2, 4), f(2, 1), { bits: 0, group: 4, axis: 1 }),
    () => quantizeAffine(f(2, 4), f(2, 3), { bits: 4, group: 2, axis: 1 }),
    () => quantizeAffine(f(2, 4), f(2, 1), { bits: 4, group: 4, axis: 1, offset: f(2) }),
    () =>
      quantizeAffine(f(2, 4), f(2, 1), {
        bits: 4,
        group: 4,
        axis: 1,
        out: new Tensor('uint8', new Uint8Array(8), [2, 4]),
      }),
  ],
  reduce: [() => reduce('sum', f(2, 3), { axis: 2 }), () => reduce('sum', f(2, 3), { axis: 0.5 })],
  rmsNorm: [() => rmsNorm(f(2, 3), f(2), { epsilon: 1 }), () => rmsNorm(f(), f(1), { epsilon: 1 })],
  rope: [
    () => rope(f(2, 4), { positions: i([0]), frequencies: f(2), layout: 'half' }),
    () => rope(f(1, 4), { positions: i([0]), frequencies: f(3), layout: 'half' }),
    () => rope(f(1, 4), { positions: i([0]), frequencies: f(2), layout: 'half', scale: 0 }),
    () => rope(f(1, 4), { positions: i([0]), frequencies: f(2), layout: 'half', scale: NaN }),
  ],
  scatterAdd: [
    () => scatterAdd(f(2, 3), i([0, 5]), { out: f(4, 3), axis: 0 }),
    () => scatterAdd(f(2, 3), i([0]), { out: f(4, 3), axis: 0 }),
  ],
  softmax: [() => softmax(f())],
  topK: [() => topK(f(2, 3), { k: 4 }), () => topK(f(2, 3), { k: -1 }), () => topK(f(2, 3), { k: 1.5 })],
  transpose: [
    () => transpose(f(2, 3), [0, 0]),
    () => transpose(f(2, 3), [0]),
    () => transpose(f(2, 3), [1, 2]),
  ],
}

describe.each(Object.entries(refusals))('%s', (name, calls) => {
  it('refuses shapes and options that do not fit, and says where', () => {
    for (const call of calls) {
      expect(call, String(call)).toThrow(ShapeError)
      expect(call, String(call)).toThrow(`[${name}] expected`)
    }
  })
})

describe('dtypes', () => {
  it('are refused where they mean nothing', () => {
    const nibbles = new Tensor('int4', new Uint8Array(2), [2, 2])
    for (const call of [
      () => binary('add', i([1]), f(1)),
      () => unary('exp', i([1])),
      () => copy(f(2), { out: i([1, 2]), at: [0] }),
      () => transpose(nibbles, [1, 0]),
      () => gather(nibbles, i([0]), { axis: 0 }),
      () => gather(f(2), i([0]), { axis: 0, out: i([0]) }),
      () => scatterAdd(f(1), i([0]), { out: i([0]), axis: 0 }),
      () => quantizeAffine(f(2, 4), f(2, 1), { bits: 4, group: 4, axis: 1, zero: f(2, 1) }),
    ]) {
      expect(call, String(call)).toThrow(DTypeError)
    }
  })
})
