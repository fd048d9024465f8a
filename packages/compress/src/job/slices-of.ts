import { dtypeBits, isFloat } from '@tersor/core-tensor'
import type { ModelFile } from '@tersor/models'
import type { CheckedStep } from '../recipe.ts'
import { cutRows, type Slice } from './cut-rows.ts'

/**
 * The slices that a weight is compressed by; undefined where it is small, or a method has to see all of it.
 *
 * @param use  the steps of its rule
 * @param elements  of a slice
 */
export function slicesOf(
  { info }: Pick<ModelFile, 'info'>,
  name: string,
  use: readonly CheckedStep[] = [],
  elements?: number,
): readonly Slice[] | undefined {
  const { type, dims, compressed } = info(name)
  if (type === undefined || dims.length < 2) return undefined
  if (use.length === 0 || !isFloat(type)) {
    const plain = compressed === undefined && dtypeBits[type] >= 8
    return plain ? cutRows(dims, 1, elements) : undefined
  }
  let all = 1
  for (const { method, options } of use) {
    const step = method.needs.length > 0 ? undefined : method.rowwise?.step(dims, options as never)
    // Of two that do not divide each other nobody has heard yet.
    if (step === undefined || Math.max(all, step) % Math.min(all, step) !== 0) return undefined
    all = Math.max(all, step)
  }
  return cutRows(dims, all, elements)
}
