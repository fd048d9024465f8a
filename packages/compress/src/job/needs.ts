import type { StatisticName, WeightMethod } from '@tersor/core-tensor'

/** The statistics that methods need of the inputs of a layer. */
export function needsOf(methods: readonly WeightMethod[]): StatisticName[] {
  const needs = methods.flatMap(method => method.needs).filter(need => need !== 'start')
  return [...new Set(needs)]
}
