import type { RatioName, ResultRow } from './result-row.ts'

const columns: readonly (readonly [heading: string, ratio: RatioName])[] = [
  ['of the limit', 'limit'],
  ['× ORT web', 'onnxruntimeWeb'],
  ['× ORT node', 'onnxruntimeNode'],
  ['× ORT node GQA', 'onnxruntimeNodeGqa'],
  ['× float32', 'float32'],
  ['× 1 thread', 'oneThread'],
]

/** The rows as a Markdown table; a dash stands where there is nothing to compare with. */
export function table(rows: readonly ResultRow[]): string {
  const headings = [
    'kernel',
    'device',
    'threads',
    'ms',
    'GB/s',
    'GFLOP/s',
    ...columns.map(([heading]) => heading),
  ]
  const lines = rows.map(({ kernel, device, threads, ms, gbps, gflops, ratios }) => [
    `\`${kernel}\``,
    device,
    String(threads),
    number(ms),
    number(gbps),
    number(gflops),
    ...columns.map(([, ratio]) => (ratio === 'limit' ? percent(ratios[ratio]) : number(ratios[ratio]))),
  ])
  const align = headings.map((_, i) => (i < 2 ? '---' : '---:'))
  return [headings, align, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** Three digits. */
function number(value: number | undefined): string {
  if (value === undefined) return '–'
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(100 * share).toFixed(0)} %`
}
