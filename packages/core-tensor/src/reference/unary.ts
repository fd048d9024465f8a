import { kernel } from '../device/kernel.ts'
import type { Out, UnaryOp } from '../device/kernels.ts'
import { DTypeError } from '../errors.ts'
import { numbersOf } from '../tensor/convert.ts'
import { isFloat } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { normalDistribution } from './normal-distribution.ts'
import { floatType, output } from './output.ts'
import { requireOneOf } from './required.ts'

const operations: Record<UnaryOp, (x: number) => number> = {
  neg: x => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  exp: Math.exp,
  sigmoid: x => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  relu: x => Math.max(x, 0),
  // At −∞ the formulas of silu and both gelus multiply it by 0; the limit of all is −0.
  silu: x => (x === -Infinity ? -0 : x / (1 + Math.exp(-x))),
  gelu: x => (x === -Infinity ? -0 : x * normalDistribution(x)),
  geluTanh: x =>
    x === -Infinity ? -0 : 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
}

/**
 * A function of every element: `neg`, `abs`, `sqrt` and `relu` (max(x, 0)) are exact; `exp`, `tanh`,
 * `sigmoid` (σ(x) = 1 / (1 + e⁻ˣ)), `silu` (x·σ(x)), `gelu` (x/2 · (1 + erf(x / √2))) and `geluTanh`
 * (x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³))), as GPT-2 and Gemma have it) are tolerant.
 *
 * @returns the same shape in float32, or float64 where `x` is
 * @throws {DTypeError} for integers
 * @example
 * unary('sqrt', new Tensor('float32', [4, 9], [2])).data // => Float32Array [2, 3]
 */
export const unary = /* @__PURE__ */ kernel('unary', unaryReference)

function unaryReference(op: UnaryOp, x: Tensor, options: Out = {}): Tensor {
  requireOneOf('unary', 'an operation', op, Object.keys(operations))
  if (!isFloat(x.type)) throw new DTypeError(`[unary] expected floats, got ${x.type}; cast it first`)
  const { values, done } = output('unary', x.device, floatType(x), x.dims, options)
  const numbers = numbersOf(x)
  const apply = operations[op]
  for (let i = 0; i < values.length; i++) values[i] = apply(numbers[i]!)
  return done()
}
