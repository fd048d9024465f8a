import type { Tensor } from '@tersor/core-tensor'
import { binary, unary } from '@tersor/core-tensor/reference'
import type { Activation } from './config.ts'

/** An activation of every element, in place. */
export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation !== 'relu2') return unary(activation, x, { out: x })
  unary('relu', x, { out: x })
  return binary('mul', x, x, { out: x })
}
