import type { TensorLike } from '../tensor/tensor.ts'
import { AbsMaxStatistic } from './abs-max-statistic.ts'
import { GramStatistic } from './gram-statistic.ts'
import { type InputsOptions, InputsStatistic } from './inputs-statistic.ts'
import { MeanAbsStatistic } from './mean-abs-statistic.ts'
import { MeanSquareStatistic } from './mean-square-statistic.ts'
import type { Statistic } from './statistic.ts'
import type { StatisticName } from './statistic-name.ts'

/** The class of a statistic: makes an empty one, or one from saved tensors. */
export interface StatisticMaker {
  /** @param options  what `inputs` samples; the others take none */
  new (columns: number, options?: InputsOptions): Statistic
  fromTensors(tensors: Record<string, TensorLike>): Statistic
}

/**
 * Every statistic by its name.
 *
 * @example
 * const statistic = new statistics.meanSquare(2)
 * statistic.add(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * statistic.value.data // => Float64Array [5, 10]
 */
export const statistics: Readonly<Record<StatisticName, StatisticMaker>> = /* @__PURE__ */ Object.freeze({
  gram: GramStatistic,
  absMax: AbsMaxStatistic,
  meanAbs: MeanAbsStatistic,
  meanSquare: MeanSquareStatistic,
  inputs: InputsStatistic,
})
