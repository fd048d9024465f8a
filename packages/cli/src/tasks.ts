import { type TaskName, type TaskScores, taskNames } from '@tersor/tasks'
import { oneOf } from './command/arguments.ts'
import { table } from './terminal/table.ts'

/** The tasks that a flag names: some of them with commas between, or `all`. */
export function tasksFrom(flag: string): readonly TaskName[] {
  return flag === 'all' ? taskNames : flag.split(',').map(name => oneOf(name, 'tasks', taskNames))
}

/** Scores as a table, with the 95 % interval of each accuracy. */
export function taskTable({ tasks }: TaskScores): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return table(
    ['task', 'right', '95 % interval', 'n', 'nats a token'],
    Object.entries(tasks).map(([name, { accuracy, low, high, n, nats }]) => [
      name,
      percent(accuracy),
      `${percent(low)} to ${percent(high)}`,
      String(n),
      nats.toFixed(4),
    ]),
  )
}
