import { UnsupportedError } from '@tersor/core-tensor'
import type { Activation } from '../decoder/config.ts'
import { shown } from './fields.ts'

/** How config.json spells activations. */
const SPELLINGS = new Map<string, Activation>([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['gelu', 'gelu'],
  ['gelu_new', 'geluTanh'],
  ['gelu_fast', 'geluTanh'],
  ['gelu_pytorch_tanh', 'geluTanh'],
  ['gelu_python_tanh', 'geluTanh'],
  ['relu', 'relu'],
  ['relu2', 'relu2'],
])

/** @throws {UnsupportedError} for one that is not among them */
export function activationNamed(spelling: string): Activation {
  const activation = SPELLINGS.get(spelling)
  if (activation !== undefined) return activation
  throw new UnsupportedError(
    `[models/config] expected an activation among ${[...SPELLINGS.keys()].join(', ')}, got ${shown(spelling)}`,
  )
}
