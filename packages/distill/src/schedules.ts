import { ShapeError } from '@tersor/core-tensor'

/** What the rate of a step is multiplied by; steps count from 0. */
export type Schedule = (step: number) => number

export interface ScheduleOptions {
  /** Of the whole run. */
  steps: number
  /** Steps in which the rate grows linearly to its full size; 0 by default. */
  warmUp?: number | undefined
  /** What it falls to; 0 by default. */
  floor?: number | undefined
}

/**
 * Linear warm-up, then half a cosine down to `floor` (Loshchilov and Hutter, 2017, arXiv:1608.03983).
 *
 * @throws {ShapeError} when the parts are longer than the whole
 * @example
 * const schedule = cosine({ steps: 12, warmUp: 2 })
 * schedule(0) // => 0.5
 * schedule(2) // => 1
 * schedule(7) // => ≈ 0.5
 */
export function cosine({ steps, warmUp = 0, floor = 0 }: ScheduleOptions): Schedule {
  checkParts(steps, warmUp, 0)
  return step => {
    if (step < warmUp) return (step + 1) / warmUp
    const done = Math.min(1, (step - warmUp) / Math.max(1, steps - warmUp))
    return floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2
  }
}

/**
 * Linear warm-up, a plateau, and a linear fall to `floor` in the last `coolDown` steps (Hägele et al.,
 * 2024, arXiv:2405.18392): the plateau can be extended without a new start.
 *
 * @throws {ShapeError} when the parts are longer than the whole
 * @example
 * const schedule = trapezoidal({ steps: 10, coolDown: 4 })
 * schedule(5) // => 1
 * schedule(8) // => 0.5
 */
export function trapezoidal(options: ScheduleOptions & { coolDown: number }): Schedule {
  const { steps, warmUp = 0, coolDown, floor = 0 } = options
  checkParts(steps, warmUp, coolDown)
  return step => {
    if (step < warmUp) return (step + 1) / warmUp
    const left = Math.min(1, Math.max(0, steps - step) / Math.max(1, coolDown))
    return floor + (1 - floor) * left
  }
}

function checkParts(steps: number, warmUp: number, coolDown: number): void {
  if (!(steps >= 1 && warmUp >= 0 && coolDown >= 0 && warmUp + coolDown <= steps)) {
    throw new ShapeError(
      `[distill/schedules] expected parts within ${steps} steps, got ${warmUp} of warm-up and ${coolDown} of cool-down`,
    )
  }
}
