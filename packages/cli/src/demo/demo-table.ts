import type { TaskScores } from '@tersor/tasks'
import { bytesText } from '../terminal/table.ts'
import type { DemoResult, DemoRow } from './demo-report.ts'

const measures = [
  'recipe',
  'bits/weight',
  'file',
  'ratio',
  'perplexity',
  'Δ',
  'KL',
  'top-1',
  'seconds',
] as const

/** What the columns hold; the last are the scores of tasks, where there are some. */
export function demoHeader({ tasks, tokensPerSecond }: DemoResult): string[] {
  const columns = tokensPerSecond === undefined ? [...measures] : [...measures, 'Δ nats', 'tokens/s']
  if (tasks === undefined) return columns
  return [
    ...columns,
    'answer nats',
    ...Object.entries(tasks.tasks).map(([name, { n }]) => `${name} (n ${n})`),
  ]
}

/** The cells of the uncompressed model and of every recipe, as text. */
export function demoCells(result: DemoResult): string[][] {
  const { fileBytes, parameters, perplexity, tasks, rows, quantized } = result
  const first = [
    quantized === undefined ? 'uncompressed' : `as given (${quantized})`,
    ((8 * fileBytes) / parameters).toFixed(3),
    bytesText(fileBytes),
    '1.00×',
    perplexity.toFixed(4),
    '–',
    '–',
    '–',
    '–',
    ...speedCells(result, '–'),
    ...taskCells(tasks),
  ]
  return [first, ...rows.map(row => cells(row, perplexity))]
}

function cells(row: DemoRow, floatPerplexity: number): string[] {
  const { kl, top1Agreement, deltaNats } = row.divergence
  const change = (100 * (row.perplexity - floatPerplexity)) / floatPerplexity
  return [
    row.recipe,
    row.bitsPerWeight.toFixed(3),
    bytesText(row.fileBytes),
    `${row.ratio.toFixed(2)}×`,
    row.perplexity.toFixed(4),
    `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(2)} %`,
    `${compact(kl.mean, 3)} ± ${compact(kl.standardError, 2)}`,
    `${(100 * top1Agreement.mean).toFixed(2)} %`,
    row.seconds.toFixed(1),
    ...speedCells(row, `${deltaNats.mean.toFixed(4)} ± ${deltaNats.standardError.toFixed(4)}`),
    ...taskCells(row.tasks),
  ]
}

/** What models that are not bundled are told beside: what was lost in nats, and how fast they run. */
function speedCells({ tokensPerSecond }: { tokensPerSecond?: number }, nats: string): string[] {
  return tokensPerSecond === undefined ? [] : [nats, tokensPerSecond.toFixed(1)]
}

function taskCells(scores: TaskScores | undefined): string[] {
  if (scores === undefined) return []
  const { answerNats, tasks } = scores
  return [
    answerNats.toFixed(4),
    ...Object.values(tasks).map(({ accuracy }) => `${(100 * accuracy).toFixed(1)} %`),
  ]
}

/** A few significant digits, with an exponent where the zeros would hide them. */
function compact(value: number, digits: number): string {
  return Math.abs(value) < 1e-3 ? value.toExponential(digits - 1) : value.toPrecision(digits)
}
