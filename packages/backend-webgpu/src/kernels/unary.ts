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
  sigmoid: '1.0 / (1.0 + exp(-v))',
  // Drivers may err a thousand times as much in tanh.
  tanh: 'tanh_of(v)',
  relu: 'max(v, 0.0)',
  gelu: 'v * normal_distribution(v)',
  // ½v(1 + tanh u) = v / (1 + e^(−2u)).
  geluTanh: `v / (1.0 + exp(${-2 * Math.sqrt(2 / Math.PI)} * (v + 0.044715 * v * v * v)))`,
}

/** What formulas call. */
const functions: Partial<Record<UnaryOp, string>> = {
  tanh: /* wgsl */ `
fn tanh_of(v: f32) -> f32 {
  if (abs(v) < 0.5) {
    let z = v * v;
    return v / (1.0 + z / (3.0 + z / (5.0 + z / (7.0 + z / 9.0))));
  }
  let e = exp(-2.0 * abs(v));
  return sign(v) * (1.0 - e) / (1.0 + e);
}
`,
  // Φ(v), from e^(−v²/2) times a polynomial in 1 / (1 + 0.275 |v|), fitted to a relative error of 4e-8 up to |v| = 14.5.
  gelu: /* wgsl */ `
fn normal_distribution(v: f32) -> f32 {
  let u = 1.0 / (1.0 + 0.275 * abs(v));
  var p = 0.0264066588;
  p = p * u - 0.10679964;
  p = p * u + 0.121824622;
  p = p * u - 0.025263641;
  p = p * u + 0.0809596553;
  p = p * u + 0.0820094794;
  p = p * u + 0.101391748;
  p = p * u + 0.109767035;
  p = p * u + 0.1097041;
  let tail = exp(-0.5 * v * v) * p * u;
  return select(1.0 - tail, tail, v < 0.0);
}
`,
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
      element: () =>
        `${functions[op] ?? ''}fn element(i: u32) -> f32 { let v = x(i); return ${operations[op]}; }`,
    }),
  )
}
