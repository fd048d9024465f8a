import { type LayeredModel, ShapeError, type StatisticName } from '@tersor/core-tensor'
import { statistics } from '@tersor/core-tensor/statistics'
import { hasHead } from './has-head.ts'
import type { CollectOptions } from './walk-options.ts'

/** Where a walk over a model gathers statistics, and how far it has to go. */
export interface WalkPlan {
  /** The first block that is not run only for the sake of later ones. */
  readonly from: number
  /** The linear weights of a block, or the head's own as of the last one. */
  weights(layer: number): readonly string[]
  /** What is gathered of an input of these weights. */
  wanted(weights: readonly string[]): readonly StatisticName[]
  /** Whether something is gathered in a block; the head counts as the last one. */
  needs(layer: number): boolean
  /** Whether texts have to go on behind a block. */
  goesOn(layer: number): boolean
}

/**
 * @param head  whether the head is walked too, where it is a weight of its own
 * @throws {ShapeError} when there is no such block, or no such statistic
 */
export function planWalk(
  model: LayeredModel,
  of: CollectOptions['statistics'],
  from: number,
  head: boolean,
): WalkPlan {
  const layers = model.config.mixers.length
  if (!Number.isInteger(from) || from < 0 || from > layers) {
    throw new ShapeError(
      `[compress/calibration] expected a block from 0 to ${layers} to begin with, got ${from}`,
    )
  }
  const known = Object.keys(statistics) as StatisticName[]
  const wanted = (weights: readonly string[]) => {
    const names = new Set(typeof of === 'function' ? weights.flatMap(of) : of)
    const stray = [...names].find(name => !known.includes(name))
    if (stray !== undefined) {
      throw new ShapeError(
        `[compress/calibration] expected statistics among ${known.join(', ')}, got '${stray}'`,
      )
    }
    return known.filter(name => names.has(name))
  }
  const weights = (layer: number) =>
    layer < layers
      ? model.blockWeights(layer)
      : head && hasHead(model) && !model.tied
        ? [model.headWeight]
        : []
  const needed = Array.from(
    { length: layers + 1 },
    (_, layer) => layer >= from && weights(layer).some(name => wanted([name]).length > 0),
  )
  const last = needed.lastIndexOf(true)
  return { from, weights, wanted, needs: layer => needed[layer]!, goesOn: layer => layer < last }
}
