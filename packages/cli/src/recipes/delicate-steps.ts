import type { Step } from '@tersor/compress'
import { optionsOf, sizeOf, type WeightMethod, type WeightPlan } from '@tersor/core-tensor'

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
  const chosen = use.map(({ method: name, ...given }) => {
    const method = methods.find(candidate => candidate.name === name)!
    return { method, options: optionsOf<object>(method.options, given, name) }
  })
  const own = bitsOf(chosen)
  const calibrated = chosen.some(({ method }) => method.needs.length > 0)
  if (!calibrated && own >= bits) return undefined
  for (const { name, needs, options } of methods) {
    if (needs.length > 0 || options.bits?.is !== 'whole') continue
    return [{ method: name, bits: Math.min(Math.max(bits, Math.floor(own)), options.bits.max ?? Infinity) }]
  }
  return undefined
}

/** Bits a weight: what the last option of that name says, else what the steps together plan for a matrix, else none. */
function bitsOf(chosen: readonly { method: WeightMethod; options: object }[]): number {
  let plan: WeightPlan | undefined
  let said: number | undefined
  for (const { method, options } of chosen) {
    const { bits } = options as { bits?: unknown }
    if (typeof bits === 'number') said = bits
    plan = method.plan?.(SHAPE, options as never, plan)
  }
  return said ?? (plan === undefined ? 0 : (8 * plan.bytes) / sizeOf(SHAPE.dims))
}
