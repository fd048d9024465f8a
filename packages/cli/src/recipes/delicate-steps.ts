import type { Step } from '@tersor/compress'
import { optionsOf, sizeOf, type WeightMethod } from '@tersor/core-tensor'

/** A matrix of some size, to ask methods how many bits they take. */
const SHAPE = { dims: [1024, 1024], type: 'float32' } as const

/**
 * What tables of tokens, heads and routers get instead of a recipe's steps: `bits` by the first method that rounds to a number of
 * bits and needs no text. That is where the steps take fewer, and where they are calibrated: an embedding has no inputs.
 * Undefined where the steps do for these too.
 */
export function delicateSteps(
  use: readonly Step[],
  bits: number,
  methods: readonly WeightMethod[],
): readonly Step[] | undefined {
  const chosen = use.map(step => ({ step, method: methods.find(({ name }) => name === step.method)! }))
  const own = Math.max(...chosen.map(({ step, method }) => bitsOf(step, method) ?? 0))
  const calibrated = chosen.some(({ method }) => method.needs.length > 0)
  if (!calibrated && own >= bits) return undefined
  const rounding = methods.find(({ needs, options }) => needs.length === 0 && options.bits?.is === 'whole')
  return rounding && [{ method: rounding.name, bits: Math.max(bits, Math.floor(own)) }]
}

/** Bits a weight: what the option of that name says, else what the method plans for a matrix. */
function bitsOf({ method: _, ...given }: Step, method: WeightMethod): number | undefined {
  const options = optionsOf<object>(method.options, given, method.name)
  const { bits } = options as { bits?: unknown }
  if (typeof bits === 'number') return bits
  const plan = method.plan?.(SHAPE, options as never)
  return plan && (8 * plan.bytes) / sizeOf(SHAPE.dims)
}
