import { expect } from 'vitest'
import type { Device } from '../../device/device.ts'
import type { Kernels } from '../../device/kernels.ts'
import { dense } from '../../encoded/kinds/dense.ts'
import { TersorError } from '../../errors.ts'
import {
  attention,
  binary,
  cast,
  copy,
  gather,
  gram,
  hadamard,
  histogram,
  layerNorm,
  matmul,
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
} from '../../reference/index.ts'
import { isTensor } from '../../tensor/is-tensor.ts'
import { reference } from '../../tensor/tensor.ts'
import type { KernelCase } from '../describe-device.ts'
import { upload } from './fixtures.ts'

/** What plain JavaScript may pass where a tensor belongs. */
const strangers = (device: Device): Readonly<Record<string, unknown>> => ({
  nothing: undefined,
  null: null,
  'a number': 5,
  text: 'float32',
  'an array': [1, 2],
  'an empty object': {},
  'an encoding': dense(upload(device, 'float16', [2, 2], [1, 2, 3, 4])),
})

/** A kernel and the arguments of a right call, none of which may be left out. */
type Call = readonly [kernel: (...args: never[]) => unknown, ...args: readonly unknown[]]

function rightCalls(device: Device): Partial<Record<keyof Kernels, Call>> {
  const x = upload(device, 'float32', [2, 2], [1, 2, 3, 4])
  const out = upload(device, 'float32', [2, 2], [1, 2, 3, 4])
  const row = upload(device, 'float32', [2], [1, 2])
  const index = upload(device, 'int32', [2], [0, 1])
  const heads = upload(device, 'float32', [1, 2, 2], [1, 2, 3, 4])
  const frequencies = upload(device, 'float32', [1], [1])
  return {
    attention: [attention, heads, heads, heads, { scale: 1 }],
    binary: [binary, 'add', x, x],
    cast: [cast, x, 'float16'],
    copy: [copy, x, { out, at: [0, 0] }],
    gather: [gather, x, index, { axis: 0 }],
    gram: [gram, x],
    hadamard: [hadamard, x],
    histogram: [histogram, x, { bins: 2, range: [0, 1] }],
    layerNorm: [layerNorm, x, row, { epsilon: 1e-5 }],
    matmul: [matmul, x, x],
    mergeAttention: [mergeAttention, x],
    nearest: [nearest, x, x],
    quantizeAffine: [quantizeAffine, x, x, { bits: 4, group: 1, axis: 1 }],
    reduce: [reduce, 'sum', x, { axis: 0 }],
    rmsNorm: [rmsNorm, x, row, { epsilon: 1e-5 }],
    rope: [rope, heads, { positions: index, frequencies, layout: 'half' }],
    scatterAdd: [scatterAdd, x, index, { out, axis: 0 }],
    softmax: [softmax, x],
    topK: [topK, x, { k: 1 }],
    transpose: [transpose, x, [1, 0]],
    unary: [unary, 'exp', x],
  }
}

/** Keys and values may be encodings. */
const takesEncodings: Partial<Record<keyof Kernels, readonly number[]>> = { attention: [1, 2] }

/** What a plain JavaScript program may pass instead of an argument: each with a name. */
function replacements(device: Device, argument: unknown): Record<string, unknown> {
  if (isTensor(argument)) return strangers(device)
  const wrong: Record<string, unknown> = { nothing: undefined, 'an empty object': {}, nonsense: 'nonsense' }
  if (typeof argument !== 'object' || Array.isArray(argument)) return wrong
  for (const option of Object.keys(argument as object)) {
    wrong[`no ${option}`] = { ...argument, [option]: undefined }
    wrong[`a nonsensical ${option}`] = { ...argument, [option]: 'nonsense' }
  }
  return wrong
}

/** Plain JavaScript is told what is wrong by a typed error, whatever it passes for tensors, operations and options. */
export const misuseCases: readonly KernelCase[] = Object.keys(rightCalls(reference)).map(name => {
  const kernel = name as keyof Kernels
  return {
    kernel,
    name: 'refuses arguments that it does not take',
    run(device) {
      const [call, ...args] = rightCalls(device)[kernel]!
      args.forEach((argument, at) => {
        for (const [what, stranger] of Object.entries(replacements(device, argument))) {
          if (what === 'an encoding' && takesEncodings[kernel]?.includes(at)) continue
          const result = resultOf(() => call(...(args.with(at, stranger) as never[])))
          expect(result, `${kernel} with ${what} as argument ${at}`).toBeInstanceOf(TersorError)
        }
      })
    },
  }
})

function resultOf(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
