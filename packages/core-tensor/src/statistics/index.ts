export { AbsMaxStatistic } from './abs-max-statistic.ts'
export { GramStatistic } from './gram-statistic.ts'
export type { Statistic } from './statistic.ts'
export type { StatisticName } from './statistic-name.ts'
