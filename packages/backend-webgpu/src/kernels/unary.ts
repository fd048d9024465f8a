import { type CoreKernels, DTypeError, isFloat, type UnaryOp } from '@tersor/core-tensor'
import { requireOneOf } from '@tersor/core-tensor/host'
import { elementwise } from '../elementwise.ts'
import { output } from '../output.ts'

const operations: Record<UnaryOp, string> = {
  neg: '-v',
  abs: 'abs(v)',
  sqrt: 'sqrt(v)',
  exp: 'exp(v)',
  silu: 'v / (1.0 + exp(-v))',
  // ½v(1 + tanh u) = v / (1 + e^(−2u)): drivers may err a thousand times as much in tanh.
  gelu: `v / (1.0 + exp(${-2 * Math.sqrt(2 / Math.PI)} * (v + 0.044715 * v * v * v)))`,
}

export const unary: CoreKernels['unary'] = (op, x, options = {}) => {
  requireOneOf('unary', 'an operation', op, Object.keys(operations))
  if (!isFloat(x.type)) throw new DTypeError(`[unary] expected floats, got ${x.type}; cast it first`)
  return output('unary', 'float32', x, x.dims, options, (y, accumulate) =>
    elementwise(y, {
      name: 'unary',
      variant: op,
      inputs: { x },
      scalar: 'f32',
      accumulate,
      element: () => `fn element(i: u32) -> f32 { let v = x(i); return ${operations[op]}; }`,
    }),
  )
}
